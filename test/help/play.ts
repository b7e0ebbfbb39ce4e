/**
 * Random steps of a migration: for each what it does to the model of a database (world.ts), and the call of Sequelize or the SQL that does
 * it to a real one. It knows what a migration may not do, out of docs/migrations.md, and shares no code with src.
 */
import fc from 'fast-check'
import { DataTypes, Op, type QueryInterface, type Transaction } from 'sequelize'
import type { SchemaEditor } from '../../src/engine.ts'
import {
  actions,
  any,
  type Column,
  cell,
  change,
  copyOf,
  createSql,
  inCase,
  insertSql,
  isLoose,
  isSame,
  isSameKey,
  isTextKey,
  key,
  kinds,
  literal,
  number,
  orphansIn,
  quote,
  type Row,
  spell,
  type Table,
  tableOf,
  tag,
  viewSql,
  type World,
} from './world.ts'

const verbs = [
  ...['insert', 'insert', 'insert', 'insert', 'insert', 'insert without key', 'insert by model', 'find or create'],
  ...['update', 'update', 'update', 'update', 'count up', 'upsert', 'replace by key', 'replace by tag'],
  ...['change key', 'change key', 'exchange keys', 'delete', 'delete', 'delete all', 'delete new', 'delete new'],
  ...[
    'rename',
    'rename',
    'swap',
    'drop',
    'drop and create',
    'delete and insert again',
    'rebuild',
    'rebuild without a row',
    'merge',
    'temporary',
  ],
  ...['rename, create, copy, drop', 'copy, drop, create, copy back', 'rebuild by editor', 'rebuild by editor'],
  ...['create', 'create again', 'create another', 'add column', 'add column', 'remove column', 'rename column'],
  ...['rename column', 'change type', 'change default', 'change null', 'add unique', 'add check', 'add index'],
  ...['remove index', 'backfill', 'add reference', 'look'],
  ...[
    'begin',
    'begin',
    'begin',
    'begin',
    'commit',
    'commit',
    'roll back',
    'roll back',
    'roll back',
    'nest',
    'nest',
    'overlap',
    'overlap',
  ],
  ...['save', 'save', 'save', 'release', 'roll back to', 'roll back to'],
  ...['twice the key', 'no such table', 'several statements', 'refused', 'break a check'],
  ...['conflict that rolls back', 'trigger that rolls back', 'write the history', 'trigger on the history'],
] as const
export type Verb = (typeof verbs)[number]

const small = fc.nat({ max: 11 })
const steps = fc.record({
  verb: fc.constantFrom(...verbs),
  table: small,
  row: small,
  other: small,
  how: small,
  value: fc.nat({ max: 59 }),
  inside: fc.constantFrom<number>(0, 0, 1, 1, 2),
  caught: fc.constantFrom(true, true, true, false),
})
export type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never

const tables = fc.record({
  kind: fc.constantFrom(...kinds),
  name: small,
  rows: fc.nat({ max: 4 }),
  strict: fc.boolean(),
  generated: fc.constantFrom('VIRTUAL' as const, 'STORED' as const, null),
  reference: fc.option(
    fc.record({ to: small, onDelete: fc.constantFrom(...actions), onUpdate: fc.constantFrom(...actions) }),
  ),
  indexes: fc.nat({ max: 7 }),
  trigger: fc.boolean(),
  view: fc.boolean(),
})

export const cases = fc.record({
  mode: fc.constantFrom('wal', 'wal', 'wal', 'wal', 'delete', 'backup'),
  ready: fc.nat({ max: 3 }),
  tables: fc.array(tables, { minLength: 1, maxLength: 4 }),
  migrations: fc.array(
    fc.record({
      steps: fc.array(steps, { minLength: 1, maxLength: 9 }),
      announced: fc.option(fc.record({ tables: fc.nat({ max: 15 }), how: small })),
      open: fc.nat({ max: 9 }),
    }),
    { minLength: 1, maxLength: 2 },
  ),
})
export type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never

/** What a step runs on. */
export type On = { readonly schema: QueryInterface; readonly transactions: Map<number, Transaction> }

export type Action = Readonly<{
  told: string
  fails: boolean
  caught: boolean
  /** whether Sequelize itself does it rightly on the sqlite3 package */
  plain: boolean
  run: (on: On) => Promise<unknown>
}>

export type Played = Readonly<{
  start: World
  end: World
  migrations: readonly Readonly<{ actions: readonly Action[]; removesRows: readonly string[] }>[]
  /** why the run has to fail; undefined where it has to succeed */
  fails: string | undefined
  /** nobody can tell whether rows are gone, for what tells them apart went too */
  isUnsure: boolean
}>

const names = [
  'metrics',
  'Two words',
  'it"s',
  'Order',
  'été',
  'archive.servers',
  'servers',
  'a]b',
  'Check',
  'archive.metrics',
  'v1',
  '_',
]

/** A value as it is given, and as SQLite keeps it in a column without a type. */
type Value = Readonly<{ js: unknown; sql: string; plain: boolean }>
const values: readonly Value[] = [
  { js: null, sql: 'NULL', plain: true },
  { js: 3, sql: '3', plain: true },
  { js: 0.5, sql: '0.5', plain: true },
  { js: 'it\'s; -- "x" ? :a $1 /*', sql: literal('it\'s; -- "x" ? :a $1 /*'), plain: true },
  { js: true, sql: '1', plain: true },
  { js: false, sql: '0', plain: true },
  { js: -(2 ** 31) - 1, sql: String(-(2 ** 31) - 1), plain: false },
  { js: Number.MAX_SAFE_INTEGER, sql: String(Number.MAX_SAFE_INTEGER), plain: false },
  { js: 2n ** 62n + 1n, sql: String(2n ** 62n + 1n), plain: false },
  { js: Buffer.from('00ff27', 'hex'), sql: "X'00FF27'", plain: true },
  { js: new Date('2026-02-01T12:00:00Z'), sql: "'2026-02-01 12:00:00'", plain: false },
  { js: new Date('2026-02-01T12:00:00.25Z'), sql: "'2026-02-01 12:00:00.250'", plain: false },
  { js: '', sql: "''", plain: true },
  { js: '007', sql: "'007'", plain: true },
  { js: '🗄 COMMIT; ROLLBACK', sql: "'🗄 COMMIT; ROLLBACK'", plain: true },
]

/** The start of a case: tables with rows. */
const createWorld = (test: Case, next: () => number): World => {
  const world: World = { tables: [], log: [] }
  for (const [index, spec] of test.tables.entries()) {
    const { kind } = spec
    const name =
      names
        .slice(spec.name)
        .concat(names)
        .find(one => tableOf(world, one) === undefined) ?? 'x'
    const parents = world.tables.filter(table => !isLoose(table) && !/composite|DESC/.test(table.kind))
    const parent = kind === 'fts5' ? undefined : parents[(spec.reference?.to ?? 0) % Math.max(parents.length, 1)]
    const strict = spec.strict && kind !== 'fts5'
    const column = (name: string, type: string): Column => ({
      id: next(),
      name,
      type: kind === 'fts5' ? '' : type,
      fallback: null,
    })
    const columns = [
      column('k', isTextKey(kind) ? 'TEXT' : kind === 'none' && !strict ? '' : 'INTEGER'),
      column('Tag', 'TEXT'),
      column('n', 'INTEGER'),
      column('x', strict ? 'ANY' : ''),
      ...(spec.reference === null || parent === undefined ? [] : [column('parent', strict ? 'ANY' : '')]),
    ]
    const table: Table = {
      ...{ id: next(), kind, strict, name, columns, rows: [], indexes: [], mark: 0 },
      generated: kind === 'fts5' ? null : spec.generated,
      reference:
        spec.reference === null || parent === undefined
          ? null
          : { ...spec.reference, column: columns[4]?.id ?? 0, parent: parent.name, to: key(parent).name },
      trigger: spec.trigger && kind !== 'fts5' ? `log of ${index}` : null,
      view: spec.view && kind !== 'fts5' ? `view of ${index}` : null,
    }
    if (kind !== 'fts5')
      table.indexes = [
        ...((spec.indexes & 1) === 0
          ? []
          : [indexOf(`i${index} partial`, (t, q) => `(${q(number(t))} DESC) WHERE ${q(number(t))} > 7`)]),
        ...((spec.indexes & 2) === 0 ? [] : [indexOf(`i${index} expression`, (t, q) => `(lower(${q(tag(t))}))`)]),
        ...((spec.indexes & 4) === 0
          ? []
          : [indexOf(`i${index} collated`, (t, q) => `(${q(tag(t))} COLLATE NOCASE, ${q(key(t))})`)]),
      ]
    for (let nth = 0; nth < spec.rows; nth += 1) {
      const row = newRow(table, next(), 0, values[(nth * 7 + index) % values.length])
      const link = parent?.rows[nth % Math.max(parent.rows.length + 1, 1)]
      const own = table.columns[4]
      if (parent !== undefined && own !== undefined && link !== undefined) change(row, own, cell(link, key(parent)))
      // one that never had a parent
      else if (own !== undefined && nth === 3) change(row, own, '99')
      table.rows.push(row)
      table.mark = Math.max(table.mark, Number(cell(row, key(table))) || 0)
    }
    world.tables.push(table)
  }
  return world
}

const indexOf = (
  name: string,
  parts: (table: Table, q: (column: Column) => string) => string,
): Table['indexes'][number] => ({
  name,
  sql: table => `CREATE INDEX ${quote(name)} ON ${quote(table.name)} ${parts(table, ({ name }) => quote(name))}`,
})

const newRow = (table: Table, id: number, born: number, value: Value | undefined): Row => {
  const row: Row = { id, born, cells: {} }
  for (const column of table.columns.slice(4)) change(row, column, column.fallback ?? 'NULL')
  change(row, key(table), isTextKey(table.kind) ? `'k${id}'` : String(id))
  change(row, tag(table), `'tag ${id}'`)
  change(row, number(table), String(id % 5))
  change(row, any(table), value?.sql ?? 'NULL')
  return row
}

type Level = {
  readonly owner: number
  /** of a savepoint; undefined for a transaction */
  readonly name: string | undefined
  readonly snapshot: World
  isDisturbed: boolean
}

/** Plays a case: what is in the database at its end, and how to get there. */
export const play = (test: Case): Played => {
  let last = 0
  const next = (): number => {
    last += 1
    return last
  }
  const start = createWorld(test, next)
  let world = copyOf(start)
  let fails: string | undefined
  let isUnsure = false
  const migrations: { actions: Action[]; removesRows: readonly string[] }[] = []

  for (const [index, migration] of test.migrations.entries()) {
    if (fails !== undefined) break
    const acts: Action[] = []
    const begun = copyOf(world)
    const announced = begun.tables.filter(
      (_, nth) => migration.announced !== null && (migration.announced.tables >> nth) & 1,
    )
    const spelled = announced.map(({ name }) => inCase(name, migration.announced?.how ?? 0))
    migrations.push({ actions: acts, removesRows: spelled })
    const born = index + 1
    const levels: Level[] = []
    const fail = (why: string): undefined => {
      fails ??= `${index}: ${why}`
    }

    const playStep = (step: Step): undefined => {
      const { verb, how, value: nthValue, inside, caught } = step
      const transactions = levels.filter(({ name }) => name === undefined)
      const owner = (inside === 1 ? transactions.at(-1) : inside === 2 ? transactions.at(0) : undefined)?.owner ?? 0
      const wrote = (by = owner): undefined => {
        for (const level of levels) if (level.owner !== by) level.isDisturbed = true
      }
      const act = (told: string, run: Action['run'], { fails: hasToFail = false, plain = true } = {}): undefined => {
        // each transaction of plain Sequelize has a connection of its own
        const isAlone = levels.every(level => level.owner === owner)
        acts.push({
          told: owner === 0 ? told : `${told} in ${owner}`,
          fails: hasToFail,
          caught: hasToFail && caught,
          plain: plain && isAlone,
          run,
        })
        if (hasToFail && !caught) fail(`${told} fails`)
      }
      const in_ = ({ transactions }: On) => {
        const transaction = transactions.get(owner)
        return transaction === undefined ? {} : { transaction }
      }
      const query = (sql: string, options: Readonly<Record<string, unknown>> = {}, more = {}): undefined => {
        const told = [
          sql,
          ...Object.values(options).map(value =>
            JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v)),
          ),
        ]
        act(told.join(' '), on => on.schema.sequelize.query(sql, { ...options, ...in_(on) }), more)
      }
      const say = (...all: readonly string[]): undefined => {
        wrote()
        for (const sql of all) query(sql)
      }
      const call = (
        told: string,
        run: (schema: SchemaEditor, options: object) => Promise<unknown>,
        more = {},
      ): undefined => {
        wrote()
        act(told, on => run(on.schema as SchemaEditor, in_(on)), more)
      }
      const editor = { plain: false }
      const refused = { fails: true, plain: false }

      const table = world.tables[step.table % Math.max(world.tables.length, 1)]
      if (table === undefined) return
      const { kind, name } = table
      const isVirtual = kind === 'fts5'
      const t = spell(name, how)
      const called = inCase(name, how)
      const [schemaName, ...restOfName] = called.split('.')
      /** as Sequelize takes it: of a name with a dot also as a schema and a table */
      const named = restOfName.length === 1 ? { schema: String(schemaName), tableName: String(restOfName[0]) } : called
      const q = (column: Column): string => spell(column.name, how)
      const row = table.rows[step.row % Math.max(table.rows.length, 1)]
      const where = (one: Row): string => `WHERE ${q(tag(table))} = ${cell(one, tag(table))}`
      const textOf = (one: Row): string => cell(one, tag(table)).slice(1, -1)
      const rowText = row === undefined ? '' : textOf(row)
      const [keyName, tagName, numberName, anyName] = [
        key(table).name,
        tag(table).name,
        number(table).name,
        any(table).name,
      ]
      const anyType = any(table).type === '' ? 'BLOB' : any(table).type
      const value = values[nthValue % values.length] ?? { js: null, sql: 'NULL', plain: true }
      const isChild = (other: Table): boolean => other.reference !== null && isSame(other.reference.parent, table.name)
      const doubt = (): undefined => {
        if (isLoose(table)) isUnsure = true
      }

      const add = (one: Row): undefined => {
        table.rows.push(one)
        table.mark = Math.max(table.mark, Number(cell(one, key(table))) || 0)
      }
      const fresh = (): Row => newRow(table, next(), born, value)

      /** Foreign keys act behind a statement. */
      const actFor = (parent: Table, was: string, now: string | undefined): undefined => {
        for (const child of world.tables) {
          const { reference } = child
          if (reference === null || !isSame(reference.parent, parent.name) || !isSame(reference.to, key(parent).name))
            continue
          const column = child.columns.find(({ id }) => id === reference.column)
          if (column === undefined) continue
          const own = child.rows.filter(one => isSameKey(parent, cell(one, column), was))
          const action = now === undefined ? reference.onDelete : reference.onUpdate
          if (action === 'CASCADE' && now === undefined) remove(child, own)
          else if (action === 'CASCADE') for (const one of own) change(one, column, now ?? 'NULL')
          else if (action.startsWith('SET')) for (const one of own) change(one, column, 'NULL')
        }
      }
      const remove = (from: Table, rows: readonly Row[]): undefined => {
        from.rows = from.rows.filter(one => !rows.includes(one))
        const isParent = world.tables.some(
          child => child.reference !== null && isSame(child.reference.parent, from.name),
        )
        // on plain Sequelize foreign keys are off here
        if (isParent) act('foreign keys act', async () => undefined, { plain: false })
        if (from.trigger !== null) world.log.push(...rows.map(one => cell(one, tag(from))))
        for (const one of rows) actFor(from, cell(one, key(from)), undefined)
      }
      const setKey = (one: Row, now: string): undefined => {
        const was = cell(one, key(table))
        change(one, key(table), now)
        actFor(table, was, now)
      }
      /** Views would be in the way of ALTER TABLE while their table is not there. */
      const withoutView = (work: () => void): undefined => {
        const { view } = table
        if (view !== null) say(`DROP VIEW ${quote(view)}`)
        work()
        if (view !== null && tableOf(world, table.name) === table) say(viewSql(table))
      }
      const loseAround = (): undefined => {
        table.indexes = []
        table.trigger = null
      }
      const remark = (): undefined => {
        table.mark = Math.max(0, ...table.rows.map(one => Number(cell(one, key(table))) || 0))
      }
      const columnsOf = (): string => table.columns.map(q).join(', ')
      const renamed = (to: string): undefined => {
        for (const child of world.tables.filter(isChild)) if (child.reference !== null) child.reference.parent = to
        table.name = to
      }
      const byJs = (one: Row): Record<string, unknown> => {
        const plain = Object.fromEntries(
          table.columns.slice(0, 3).map(column => [column.name, jsOf(cell(one, column))]),
        )
        return { ...plain, [any(table).name]: value.js }
      }

      switch (verb) {
        case 'insert': {
          const one = fresh()
          // a text column of Sequelize's raw SQL gets what the value is written as
          const more = { plain: value.plain && !isVirtual }
          const js = byJs(one)
          const into = `${t} (${table.columns.slice(0, 4).map(q).join(', ')})`
          wrote()
          if (how % 7 === 0) query(insertSql(table, one, t, how % 2 === 0 ? 'INSERT' : 'insert or abort'))
          else if (how % 7 === 1)
            act(`bulkInsert ${called} ${one.id}`, on => on.schema.bulkInsert(named, [js], in_(on)), more)
          else if (how % 7 === 2) query(`INSERT INTO ${into} VALUES ($a, $b, $c, $d)`, { bind: byLetters(js) }, more)
          else if (how % 7 === 3)
            query(`INSERT INTO ${into} VALUES ($1, $2, $3, $4)`, { bind: Object.values(js) }, more)
          else if (how % 7 === 4)
            query(`INSERT INTO ${into} VALUES (?, ?, ?, ?)`, { replacements: Object.values(js) }, more)
          else if (how % 7 === 5)
            query(`INSERT INTO ${into} VALUES (:a, :b, :c, :d)`, { replacements: byLetters(js) }, more)
          else
            act(`insert ${called} ${one.id}`, on => on.schema.insert(null as never, named as never, js, in_(on)), more)
          add(one)
          return
        }
        case 'insert without key': {
          if (kind !== 'INTEGER' && kind !== 'AUTOINCREMENT') return
          const one = fresh()
          const own = textOf(one)
          const highest = Math.max(0, ...table.rows.map(row => Number(cell(row, key(table)))))
          change(one, key(table), String(Math.max(kind === 'AUTOINCREMENT' ? table.mark : 0, highest) + 1))
          change(one, number(table), 'NULL')
          change(one, any(table), any(table).fallback ?? 'NULL')
          if (how % 2 === 0) say(`INSERT INTO ${t} (${q(tag(table))}) VALUES (${cell(one, tag(table))})`)
          else
            call(`bulkInsert ${called} without key`, (schema, options) =>
              schema.bulkInsert(named, [{ [tagName]: own }], options),
            )
          add(one)
          return
        }
        case 'insert by model':
        case 'find or create': {
          if (isLoose(table)) return
          const one = fresh()
          change(one, any(table), any(table).fallback ?? 'NULL')
          const js = Object.fromEntries(table.columns.slice(0, 3).map(column => [column.name, jsOf(cell(one, column))]))
          const { [tagName]: text, ...others } = js
          const attributes = attributesOf(table)
          wrote(verb === 'find or create' && owner === 0 ? next() : owner)
          act(`${verb} ${called} ${one.id}`, on => {
            const model = on.schema.sequelize.define(`model ${one.id}`, attributes, {
              ...(typeof named === 'string' ? { tableName: named } : named),
              timestamps: false,
            })
            return verb === 'insert by model'
              ? model.create(js, in_(on))
              : model.findOrCreate({ where: { [tagName]: text }, defaults: others, ...in_(on) })
          })
          add(one)
          return
        }
        case 'update': {
          if (row === undefined) return
          const column = any(table)
          const more = { plain: value.plain && !isVirtual }
          wrote()
          if (how % 4 === 0) query(`UPDATE ${t} SET ${q(column)} = ${value.sql} ${where(row)}`)
          else if (how % 4 === 1)
            act(
              `bulkUpdate ${called}`,
              on => on.schema.bulkUpdate(named, { [anyName]: value.js }, { [tagName]: rowText }, in_(on)),
              more,
            )
          else if (how % 4 === 2)
            query(
              `UPDATE ${t} SET ${q(column)} = $2 WHERE ${q(tag(table))} = $1`,
              { bind: [textOf(row), value.js] },
              more,
            )
          else
            query(
              `UPDATE ${t} SET ${q(column)} = :x WHERE ${q(tag(table))} = :tag`,
              { replacements: { tag: textOf(row), x: value.js } },
              more,
            )
          change(row, column, value.sql)
          doubt()
          return
        }
        case 'count up':
          if (how % 2 === 0 || isVirtual) say(`UPDATE ${t} SET ${q(number(table))} = ${q(number(table))} + 1`)
          else
            call(`bulkUpdate ${called} n + 1`, (schema, options) =>
              schema.bulkUpdate(
                named,
                { [numberName]: schema.sequelize.literal(`${quote(numberName)} + 1`) },
                {},
                options,
              ),
            )
          for (const one of table.rows)
            if (cell(one, number(table)) !== 'NULL')
              change(one, number(table), String(Number(cell(one, number(table))) + 1))
          doubt()
          return
        case 'upsert': {
          if (row === undefined || isLoose(table)) return
          const target = how % 2 === 0 ? q(tag(table)) : kind === 'composite' ? `${q(key(table))}, one` : q(key(table))
          if (how % 2 === 1 && cell(row, key(table)) === 'NULL') return
          const other = 4000 + next()
          // AUTOINCREMENT counts what was not inserted, too
          if (how % 2 === 0 && kind === 'AUTOINCREMENT') table.mark = other
          const given =
            how % 2 === 0
              ? `${isTextKey(kind) ? `'other ${other}'` : other}, ${cell(row, tag(table))}`
              : `${cell(row, key(table))}, 'other tag'`
          say(
            `INSERT INTO ${t} (${q(key(table))}, ${q(tag(table))}) VALUES (${given}) ON CONFLICT (${target}) DO UPDATE SET ${q(any(table))} = ${value.sql}`,
          )
          change(row, any(table), value.sql)
          return
        }
        case 'replace by key': {
          if (row === undefined || isLoose(table) || cell(row, key(table)) === 'NULL') return
          say(
            `${how % 2 === 0 ? 'REPLACE' : 'INSERT OR REPLACE'} INTO ${t} (${q(key(table))}, ${q(tag(table))}) VALUES (${cell(row, key(table))}, ${cell(row, tag(table))})`,
          )
          for (const column of table.columns.slice(2)) change(row, column, column.fallback ?? 'NULL')
          return
        }
        case 'replace by tag': {
          if (row === undefined || isVirtual) return
          const one = fresh()
          change(one, tag(table), cell(row, tag(table)))
          say(insertSql(table, one, t, 'REPLACE'))
          table.rows = table.rows.filter(other => other !== row)
          add(one)
          doubt()
          return
        }
        case 'change key': {
          if (row === undefined) return
          const id = next()
          const now = isTextKey(kind) ? `'k${id}'` : String(id)
          wrote()
          if (how % 2 === 0)
            query(`UPDATE ${t} SET ${q(key(table))} = ${now} ${where(row)}`, {}, { plain: !world.tables.some(isChild) })
          else
            act(
              `bulkUpdate ${called} key`,
              on => on.schema.bulkUpdate(named, { [keyName]: jsOf(now) }, { [tagName]: rowText }, in_(on)),
              { plain: !world.tables.some(isChild) },
            )
          setKey(row, now)
          doubt()
          return
        }
        case 'exchange keys': {
          const second = table.rows[step.other % Math.max(table.rows.length, 1)]
          if (row === undefined || second === undefined || row === second || isLoose(table)) return
          const [one, two, between] = [
            cell(row, key(table)),
            cell(second, key(table)),
            isTextKey(kind) ? `'between'` : '5000',
          ]
          const set = (of: Row, to: string): undefined => {
            wrote()
            query(`UPDATE ${t} SET ${q(key(table))} = ${to} ${where(of)}`, {}, editor)
            setKey(of, to)
          }
          set(row, between)
          set(second, one)
          set(row, two)
          return
        }
        case 'delete':
        case 'delete new': {
          const chosen = verb === 'delete' ? row : table.rows.find(one => one.born === born)
          if (chosen === undefined) return
          const gone = textOf(chosen)
          if (chosen.born > 0 && chosen.born < born) isUnsure = true
          const more = { plain: !world.tables.some(isChild) && !isVirtual }
          wrote()
          if (how % 4 === 0) query(`DELETE FROM ${t} ${where(chosen)}`, {}, more)
          else if (how % 4 === 1)
            act(`bulkDelete ${called}`, on => on.schema.bulkDelete(named, { [tagName]: gone }, in_(on)), more)
          else if (how % 4 === 2)
            query(`DELETE FROM ${t} WHERE ${q(tag(table))} = $1`, { bind: [textOf(chosen)] }, more)
          else
            query(
              `WITH gone AS (SELECT ${cell(chosen, tag(table))} AS it) DELETE FROM ${t} WHERE ${q(tag(table))} IN (SELECT it FROM gone)`,
              {},
              more,
            )
          remove(table, [chosen])
          doubt()
          return
        }
        case 'delete and insert again': {
          if (row === undefined) return
          if (row.born > 0 && row.born < born) isUnsure = true
          say(`DELETE FROM ${t} ${where(row)}`)
          const was = cell(row, key(table))
          remove(table, [row])
          const one = fresh()
          change(one, key(table), was)
          say(insertSql(table, one, t, 'INSERT'))
          add(one)
          doubt()
          return
        }
        case 'delete all':
          if (table.rows.some(one => one.born > 0 && one.born < born)) isUnsure = true
          if (how % 2 === 0) say(`/* all */ DELETE FROM ${t}`)
          else call(`bulkDelete all ${called}`, (schema, options) => schema.bulkDelete(named, {}, options))
          remove(table, [...table.rows])
          doubt()
          return
        case 'rename': {
          const to = how % 3 === 0 ? `Fresh ${next()}` : `fresh${next()}`
          if (how % 2 === 0) say(`ALTER TABLE ${t} RENAME TO ${quote(to)}`)
          else call(`renameTable ${called} ${to}`, (schema, options) => schema.renameTable(called, to, options))
          renamed(to)
          return
        }
        case 'swap': {
          const second = world.tables[step.other % world.tables.length]
          if (second === undefined || second === table) return
          const [one, two, between] = [name, second.name, `between${next()}`]
          const move = (which: Table, from: string, to: string): undefined => {
            say(`ALTER TABLE ${spell(from, how)} RENAME TO ${quote(to)}`)
            for (const child of world.tables)
              if (child.reference !== null && isSame(child.reference.parent, from)) child.reference.parent = to
            which.name = to
          }
          move(table, one, between)
          move(second, two, one)
          move(table, between, two)
          return
        }
        case 'drop': {
          if (table.view !== null) say(`DROP VIEW ${quote(table.view)}`)
          if (how % 2 === 0) say(`DROP TABLE ${how % 4 === 0 ? 'IF EXISTS ' : ''}${t}`)
          else call(`dropTable ${called}`, (schema, options) => schema.dropTable(named, options), editor)
          if (table.rows.some(one => one.born > 0 && one.born < born)) isUnsure = true
          world.tables.splice(world.tables.indexOf(table), 1)
          return
        }
        case 'drop and create': {
          withoutView(() => {
            loseAround()
            say(`DROP TABLE ${t}`, createSql(table, quote(name), how))
            const olds = table.rows
            if (olds.some(one => one.born > 0 && one.born < born)) isUnsure = true
            table.rows = []
            for (const old of olds.slice(0, 3)) {
              const one = fresh()
              change(one, key(table), cell(old, key(table)))
              say(insertSql(table, one, t, 'INSERT'))
              table.rows.push(one)
            }
            remark()
          })
          doubt()
          return
        }
        case 'rebuild':
        case 'rebuild without a row':
        case 'rename, create, copy, drop':
        case 'copy, drop, create, copy back': {
          const other = quote(`stage ${next()}`)
          const isWithout = verb === 'rebuild without a row' && row !== undefined
          const columns = columnsOf()
          if (isWithout && row.born > 0 && row.born < born) isUnsure = true
          withoutView(() => {
            loseAround()
            if (verb === 'rename, create, copy, drop') {
              say(`ALTER TABLE ${t} RENAME TO ${other}`)
              for (const child of world.tables.filter(isChild))
                if (child.reference !== null && child !== table) child.reference.parent = other.slice(1, -1)
              say(
                createSql(table, quote(name), how),
                `INSERT INTO ${t} (${columns}) SELECT ${columns} FROM ${other}`,
                `DROP TABLE ${other}`,
              )
            } else if (verb === 'copy, drop, create, copy back') {
              say(
                `CREATE ${how % 2 === 0 ? 'TEMP ' : ''}TABLE ${other} AS SELECT ${columns} FROM ${t}`,
                `DROP TABLE ${t}`,
                createSql(table, quote(name), how),
              )
              say(`INSERT INTO ${t} (${columns}) SELECT * FROM ${other}`, `DROP TABLE ${other}`)
            } else {
              say(createSql(table, other, how))
              say(
                `INSERT INTO ${other} (${columns}) SELECT ${columns} FROM ${t} ${isWithout ? where(row).replace(' = ', ' <> ') : ''}`,
              )
              say(`DROP TABLE ${t}`, `ALTER TABLE ${other} RENAME TO ${quote(name)}`)
            }
            if (isWithout) table.rows = table.rows.filter(one => one !== row)
            remark()
          })
          doubt()
          return
        }
        case 'merge': {
          const second = world.tables[step.other % world.tables.length]
          if (second === undefined || second === table || second.kind !== kind || second.strict !== table.strict) return
          if (table.columns.length > 4 || second.columns.length > 4 || table.view !== null) return
          if (table.columns.some((column, nth) => column.type !== second.columns[nth]?.type)) return
          say(
            `INSERT INTO ${spell(second.name, how)} (${second.columns.map(q)}) SELECT ${columnsOf()} FROM ${t}`,
            `DROP TABLE ${t}`,
          )
          if (table.rows.some(one => one.born > 0 && one.born < born)) isUnsure = true
          for (const one of table.rows) {
            const copy: Row = { id: next(), born, cells: {} }
            for (const [nth, column] of second.columns.entries())
              change(copy, column, cell(one, table.columns[nth] ?? column))
            second.rows.push(copy)
            second.mark = Math.max(second.mark, Number(cell(copy, key(second))) || 0)
          }
          world.tables.splice(world.tables.indexOf(table), 1)
          doubt()
          return
        }
        case 'temporary':
          say(`CREATE TEMP TABLE ${t} AS SELECT 1 AS x`, `DELETE FROM ${t}`, `DROP TABLE temp.${t}`)
          return
        case 'create':
        case 'create again':
        case 'create another': {
          const free = names.find(one => tableOf(world, one) === undefined)
          if (free === undefined) return
          const k: Column = { id: next(), name: 'k', type: 'INTEGER', fallback: null }
          const made: Table = {
            ...{ id: next(), kind: 'AUTOINCREMENT', strict: false, name: free, rows: [], indexes: [], mark: 0 },
            columns: [
              k,
              { id: next(), name: 'Tag', type: 'TEXT', fallback: null },
              { id: next(), name: 'n', type: 'INTEGER', fallback: null },
              { id: next(), name: 'x', type: 'VARCHAR(20)', fallback: "'it''s'" },
            ],
            ...{ generated: null, reference: null, trigger: null, view: null },
          }
          const create = (tagged: object) => (schema: SchemaEditor, options: object) =>
            schema.createTable(
              free,
              {
                k: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
                Tag: { type: DataTypes.TEXT, ...tagged },
                n: DataTypes.INTEGER,
                x: { type: DataTypes.STRING(20), defaultValue: "it's" },
              },
              options,
            )
          call(`createTable ${free}`, create({ unique: true }))
          world.tables.push(made)
          if (verb === 'create again') call(`createTable ${free} again`, create({ unique: true }))
          if (verb === 'create another') call(`createTable ${free} otherwise`, create({ allowNull: false }), refused)
          return
        }
        case 'add column': {
          if (isVirtual)
            return call(
              `addColumn ${called}`,
              (schema, options) => schema.addColumn(named, 'extra', DataTypes.TEXT, options),
              refused,
            )
          const column: Column = {
            id: next(),
            name: `Extra ${next()}`,
            type: how % 2 === 0 ? 'TEXT' : 'INTEGER',
            fallback: how % 3 === 0 ? null : how % 2 === 0 ? "'d''x'" : '7',
          }
          const columnName = column.name
          const definition = {
            type: how % 2 === 0 ? DataTypes.TEXT : DataTypes.INTEGER,
            ...(column.fallback === null ? {} : { defaultValue: how % 2 === 0 ? "d'x" : 7 }),
          }
          if (how % 5 === 0)
            say(
              `ALTER TABLE ${t} ADD COLUMN ${quote(column.name)} ${column.type} ${column.fallback === null ? '' : `DEFAULT ${column.fallback}`}`,
            )
          else
            call(`addColumn ${called} ${column.name}`, (schema, options) =>
              schema.addColumn(named, columnName, definition, options),
            )
          table.columns.push(column)
          for (const one of table.rows) change(one, column, column.fallback ?? 'NULL')
          return
        }
        case 'remove column': {
          const column = table.columns.slice(3).find(({ id }) => id !== any(table).id && id !== table.reference?.column)
          const target = column?.name ?? tagName
          call(
            `removeColumn ${called} ${target}`,
            (schema, options) => schema.removeColumn(named as string, inCase(target, how), options),
            column === undefined || isVirtual ? refused : editor,
          )
          if (column !== undefined && !isVirtual) table.columns = table.columns.filter(one => one !== column)
          return
        }
        case 'rename column': {
          const column = table.columns[[0, 2, 3, 4][step.other % 4] ?? 0]
          if (column === undefined) return
          const to = `Named ${next()}`
          const from = inCase(column.name, how)
          call(
            `renameColumn ${called} ${column.name} ${to}`,
            (schema, options) => schema.renameColumn(named as string, from, to, options),
            isVirtual ? refused : editor,
          )
          if (isVirtual) return
          for (const child of world.tables.filter(isChild))
            if (child.reference !== null && isSame(child.reference.to, column.name)) child.reference.to = to
          column.name = to
          return
        }
        case 'change type': {
          const column = how % 4 === 3 ? key(table) : any(table)
          const isKey = column === key(table) && kind !== 'none'
          const isRefused = isVirtual || (isKey && column.type !== 'VARCHAR(30)')
          const columnName = inCase(column.name, how)
          // STRICT knows five types, and Sequelize none of them but TEXT and INTEGER
          if (table.strict || (column === key(table) && !isKey)) return
          const texts = new Set(table.rows.map(one => cell(one, column)).filter(one => one.startsWith('X')))
          if (texts.size > 0 && how % 2 === 0) return
          call(
            `changeColumn ${called} ${column.name}`,
            (schema, options) =>
              schema.changeColumn(named as string, columnName, { type: DataTypes.STRING(30) }, options),
            isRefused ? refused : editor,
          )
          if (isRefused) return
          column.type = 'VARCHAR(30)'
          for (const one of table.rows) change(one, column, cell(one, column))
          return
        }
        case 'change default': {
          if (table.strict) return
          const column = any(table)
          call(
            `changeColumn ${called} default`,
            (schema, options) =>
              schema.changeColumn(named as string, anyName, { type: anyType, defaultValue: "it's" }, options),
            isVirtual ? refused : editor,
          )
          if (isVirtual) return
          if (column.type === '') column.type = 'BLOB'
          column.fallback = "'it''s'"
          return
        }
        case 'change null': {
          const hasNull = table.rows.some(one => cell(one, any(table)) === 'NULL')
          if (!hasNull && !isVirtual) return
          call(
            `changeColumn ${called} allowNull`,
            (schema, options) =>
              schema.changeColumn(named as string, anyName, { type: anyType, allowNull: false }, options),
            refused,
          )
          return
        }
        case 'add unique': {
          const name = `unique ${next()}`
          const fields = how % 2 === 0 ? [keyName, tagName] : [numberName]
          const numbers = table.rows.map(one => cell(one, number(table))).filter(one => one !== 'NULL')
          const isAlike = how % 2 === 1 && new Set(numbers).size < numbers.length
          if (how % 2 === 1 && !isAlike && !isVirtual) return
          call(
            `addConstraint ${called} unique`,
            (schema, options) =>
              schema.addConstraint(named as string, {
                type: 'UNIQUE' as 'unique',
                name,
                fields: fields.map(field => inCase(field, how)),
                ...options,
              }),
            isVirtual || isAlike ? refused : editor,
          )
          if (!isVirtual && !isAlike) table.indexes.push(indexOf(name, (own, q) => `(${q(key(own))}, ${q(tag(own))})`))
          return
        }
        case 'add check': {
          const holds = how % 2 === 0
          if (!holds && table.rows.every(one => cell(one, number(table)) === 'NULL') && !isVirtual) return
          const check = {
            type: 'check' as const,
            name: `check${next()}`,
            fields: [numberName],
            where: { [numberName]: { [holds ? Op.gte : Op.lt]: 0 } },
          }
          call(
            `addConstraint ${called} check`,
            (schema, options) => schema.addConstraint(named as string, { ...check, ...options }),
            isVirtual || !holds ? refused : editor,
          )
          return
        }
        case 'add index': {
          const name = `index ${next()}`
          call(
            `addIndex ${called}`,
            (schema, options) => schema.addIndex(named as string, { name, fields: [inCase(tagName, how)], ...options }),
            isVirtual ? refused : {},
          )
          if (!isVirtual) table.indexes.push(indexOf(name, (own, q) => `(${q(tag(own))})`))
          return
        }
        case 'remove index': {
          const index = table.indexes[step.other % Math.max(table.indexes.length, 1)]
          const name = index?.name ?? 'none'
          call(
            `removeIndex ${called} ${name}`,
            (schema, options) => schema.removeIndex(named as string, inCase(name, how), options),
            index === undefined ? refused : {},
          )
          table.indexes = table.indexes.filter(one => one !== index)
          return
        }
        case 'rebuild by editor':
          if (isVirtual) return
          {
            const sql = createSql(table, quote(name), how)
            call(`rebuildTable ${called}`, (schema, options) => schema.rebuildTable(called, sql, options), editor)
          }
          return
        case 'backfill': {
          // Sequelize takes a $ in a text for a bind
          if (kind === 'WITHOUT ROWID' || isVirtual || value.sql.includes('$')) return
          const sql = `UPDATE ${t} SET ${q(any(table))} = ${value.sql} WHERE _rowid_ BETWEEN $first AND $last`
          call(
            `backfill ${called}`,
            (schema, options) => schema.backfill(sql, { table: called, batch: 2, ...options }),
            editor,
          )
          for (const one of table.rows) change(one, any(table), value.sql)
          return
        }
        case 'add reference': {
          const parent = world.tables[step.other % world.tables.length]
          const ref = table.columns.find(({ id }) => id === any(table).id)
          if (
            parent === undefined ||
            ref === undefined ||
            isVirtual ||
            isLoose(parent) ||
            /composite|DESC/.test(parent.kind) ||
            table.reference !== null
          )
            return
          const [parentName, parentKey] = [inCase(parent.name, how), inCase(key(parent).name, how)]
          const onDelete = actions[how % actions.length] ?? 'CASCADE'
          const onUpdate = actions[step.row % actions.length] ?? 'CASCADE'
          call(
            `addConstraint ${called} to ${parent.name}`,
            (schema, options) =>
              schema.addConstraint(named as string, {
                type: 'foreign key',
                name: `key${next()}`,
                fields: [anyName],
                references: { table: parentName, field: parentKey },
                onDelete,
                onUpdate,
                ...options,
              }),
            editor,
          )
          table.reference = { column: ref.id, parent: parent.name, to: key(parent).name, onDelete, onUpdate }
          return
        }
        case 'look':
          act(`describeTable ${called}`, async on => {
            await on.schema.showAllTables()
            await on.schema.sequelize.query(`SELECT count(*) FROM ${t}`, in_(on))
          })
          return
        case 'begin':
        case 'nest': {
          const parent = verb === 'nest' ? transactions.at(-1) : undefined
          if (verb === 'nest' && parent === undefined) return
          const id = next()
          act(`${id}: ${verb} ${parent?.owner ?? ''}`, async ({ schema, transactions }) => {
            const outer = parent === undefined ? undefined : transactions.get(parent.owner)
            transactions.set(id, await schema.sequelize.transaction(outer === undefined ? {} : { transaction: outer }))
          })
          // Sequelize makes a nested one a savepoint on the connection of its parent, which its commit leaves there
          if (parent === undefined)
            levels.push({ owner: id, name: undefined, snapshot: copyOf(world), isDisturbed: false })
          else if (how % 2 === 0) act(`${id}: commit`, async ({ transactions }) => transactions.get(id)?.commit())
          else act(`${id}: roll back`, async ({ transactions }) => transactions.get(id)?.rollback())
          if (parent !== undefined)
            levels.push({ owner: parent.owner, name: `nested ${id}`, snapshot: copyOf(world), isDisturbed: false })
          return
        }
        case 'overlap': {
          const parts: readonly Verb[] = [
            'begin',
            'insert',
            ...(step.row % 2 === 0 ? (['begin', 'update'] as const) : []),
            ...(step.other % 3 === 0 ? (['nest'] as const) : []),
            'insert',
            nthValue % 3 === 0 ? 'commit' : 'roll back',
            nthValue % 2 === 0 ? 'commit' : 'roll back',
          ]
          for (const [nth, part] of parts.entries())
            if (fails === undefined)
              playStep({ ...step, verb: part, inside: (how + nth * (step.other % 3)) % 3, how: how + nth })
          return
        }
        case 'commit':
        case 'roll back': {
          const level =
            how % 4 === 0 ? transactions[step.other % Math.max(transactions.length, 1)] : transactions.at(-1)
          if (level === undefined) return
          endTransaction(level, verb)
          return
        }
        case 'save': {
          const point = `Point ${step.other % 2}`
          // outside of a transaction plain Sequelize begins one by it, which nobody ends
          query(`SAVEPOINT ${spell(point, how)}`, {}, { plain: owner !== 0 })
          levels.push({ owner, name: point, snapshot: copyOf(world), isDisturbed: false })
          return
        }
        case 'release':
        case 'roll back to': {
          const point = `Point ${step.other % 2}`
          const place = levels.findLastIndex(
            one => one.owner === owner && one.name !== undefined && isSame(one.name, point),
          )
          const spelled = spell(point, how)
          const sql =
            verb === 'release'
              ? `RELEASE ${how % 2 === 0 ? 'SAVEPOINT ' : ''}${spelled}`
              : `/* COMMIT */ rollback -- to nothing\n TO ${how % 2 === 0 ? 'savepoint ' : ''}${spelled};`
          if (place === -1) return query(sql, {}, refused)
          if (levels.slice(place).some(one => one.owner !== owner)) return break_('out of order', sql)
          const isDisturbed = verb === 'roll back to' && levels.slice(place).some(one => one.isDisturbed)
          query(sql)
          if (isDisturbed) return fail('disturbed')
          if (verb === 'roll back to') world = copyOf(levels[place]?.snapshot ?? world)
          levels.splice(verb === 'release' ? place : place + 1)
          return
        }
        case 'twice the key':
        case 'conflict that rolls back': {
          if (row === undefined || isVirtual) return
          const sql = insertSql(table, { ...row, id: 0 }, t, verb === 'twice the key' ? 'INSERT' : 'INSERT OR ROLLBACK')
          if (verb === 'twice the key') return query(sql, {}, { fails: true })
          return break_('SQLite rolled back', sql)
        }
        case 'trigger that rolls back':
          if (isVirtual) return
          say(`CREATE TRIGGER stop BEFORE INSERT ON ${t} BEGIN SELECT RAISE(ROLLBACK, 'no'); END`)
          return break_('SQLite rolled back', insertSql(table, fresh(), t, 'INSERT'))
        case 'no such table':
          if (how % 3 === 0) query(`INSERT INTO nowhere VALUES (1)`, {}, { fails: true })
          else if (how % 3 === 1) call('dropTable nowhere', schema => schema.dropTable('nowhere'), refused)
          else
            call('bulkDelete nowhere', (schema, options) => schema.bulkDelete('nowhere', { x: 1 }, options), {
              fails: true,
            })
          return
        case 'several statements': {
          const gone = `DELETE FROM ${t}`
          const scripts = [
            `BEGIN; ${gone}; COMMIT`,
            `begin immediate;${gone};`,
            `COMMIT; ${gone}`,
            `END;${gone}`,
            `ROLLBACK -- back to the beginning\n; ${gone}`,
            `/* x */ ROLLBACK; BEGIN; ${gone}`,
            `SAVEPOINT a; ${gone}; RELEASE a`,
            `-- COMMIT\nSELECT 1; ${gone}`,
            `${gone}; ${gone}`,
          ]
          return query(scripts[step.other % scripts.length] ?? '', {}, refused)
        }
        case 'refused': {
          const texts = [
            'PRAGMA foreign_keys = ON',
            'PRAGMA "foreign_keys" = 1',
            "PRAGMA main.'foreign_keys'(1)",
            'PRAGMA recursive_triggers = ON',
            `SELECT * FROM pragma_journal_mode('delete')`,
            `ATTACH ':memory:' AS other`,
            'DETACH main',
            `PRAGMA writable_schema = ON`,
          ]
          return query(texts[step.other % texts.length] ?? '', {}, refused)
        }
        case 'break a check':
          if (row === undefined || isVirtual) return
          return query(`UPDATE ${t} SET ${q(number(table))} = -1 ${where(row)}`, {}, { fails: true })
        case 'write the history': {
          const texts = [
            `DELETE FROM SequelizeMeta`,
            `INSERT INTO "sequelizemeta" (name) VALUES ('0009-later')`,
            `UPDATE SEQUELIZEMETA SET name = name || 'x'`,
            `ALTER TABLE SequelizeMeta RENAME TO old_meta`,
            `DROP TABLE SequelizeMeta`,
          ]
          wrote()
          act(texts[how % texts.length] ?? '', on =>
            on.schema.sequelize.query(texts[how % texts.length] ?? '', in_(on)).catch(() => undefined),
          )
          return fail('write to the history')
        }
        case 'trigger on the history': {
          const harm = how % 2 === 0 ? `DELETE FROM ${t}` : 'DELETE FROM SequelizeMeta'
          if (how % 2 === 0 && (table.rows.every(one => one.born > 0) || announced.some(({ id }) => id === table.id)))
            return
          if (isVirtual) return
          say(
            `CREATE TRIGGER harm AFTER INSERT ON SequelizeMeta BEGIN ${harm.replace(/FROM .*/, () => `FROM ${quote(how % 2 === 0 ? name : 'SequelizeMeta')}`)}; END`,
          )
          return fail('trigger on the history')
        }
      }

      /** Ends the migration, whatever it catches: what comes behind it may not be stored. */
      function break_(why: string, sql: string): undefined {
        fail(why)
        const harm = `DELETE FROM ${quote(table?.name ?? '')}`
        for (const text of [sql, harm, `CREATE TABLE behind (x)`])
          act(`caught: ${text}`, on => on.schema.sequelize.query(text, in_(on)).catch(() => undefined), editor)
      }
    }

    const endTransaction = (level: Level, verb: 'commit' | 'roll back'): undefined => {
      const place = levels.indexOf(level)
      const inner = levels.slice(place)
      const { owner, snapshot } = level
      const isOutOfOrder = inner.some(one => one.owner !== owner)
      const isDisturbed = verb === 'roll back' && inner.some(one => one.isDisturbed)
      acts.push({
        told: `${owner}: ${verb}`,
        ...{ fails: false, caught: false, plain: !isOutOfOrder && !isDisturbed },
        run: async ({ transactions }) => {
          const transaction = transactions.get(owner)
          const ended = verb === 'commit' ? transaction?.commit() : transaction?.rollback()
          if (isOutOfOrder) await ended?.catch(() => undefined)
          else await ended
        },
      })
      if (isOutOfOrder) return fail('out of order')
      if (isDisturbed) return fail('disturbed')
      if (verb === 'roll back') world = copyOf(snapshot)
      levels.splice(place)
    }

    for (const step of migration.steps) if (fails === undefined) playStep(step)
    const openOnes = () => levels.filter(({ name }) => name === undefined)
    if (fails === undefined && migration.open === 0 && openOnes().length > 0) fail('left open')
    while (fails === undefined && openOnes().length > 0) endTransaction(openOnes().at(-1) as Level, 'commit')
    if (fails !== undefined) break

    for (const was of begun.tables) {
      const now = world.tables.find(({ id }) => id === was.id)
      const gone = was.rows.filter(row => !now?.rows.some(({ id }) => id === row.id))
      if (gone.some(({ born }) => born === 0) && !announced.includes(was)) fail(`rows of ${was.name} are gone`)
      if (gone.some(({ born }) => born > 0) && !announced.includes(was)) isUnsure = true
    }
    const orphans = orphansIn(begun)
    if (orphansIn(world).some(orphan => !orphans.includes(orphan))) fail('rows have no parent')
    if (
      world.tables.some(
        ({ reference }) => reference !== null && tableOf(world, reference.parent)?.columns[0]?.name !== reference.to,
      )
    )
      isUnsure = true
  }
  return { start, end: world, migrations, fails, isUnsure }
}

const jsOf = (sql: string): unknown => {
  if (sql === 'NULL') return null
  return sql.startsWith("'") ? sql.slice(1, -1).replaceAll("''", "'") : Number(sql)
}

const byLetters = (js: object): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.values(js).map((value, index) => ['abcd'[index] ?? '', value]))

const attributesOf = (table: Table) =>
  Object.fromEntries(
    table.columns
      .slice(0, 3)
      .map((column, index) => [
        column.name,
        { type: /^(?:TEXT|VARCHAR)/.test(column.type) ? DataTypes.TEXT : DataTypes.BIGINT, primaryKey: index === 0 },
      ]),
  )

/**
 * Random tables and random statements on them, as a migration or two: drop, rename, swap, create again, rebuild in three ways, delete,
 * REPLACE, upsert, other keys, savepoints that are rolled back, temporary tables of the same name, in any case and quoting. A model that
 * knows nothing of SQL follows each row. Where a row that was there before is gone, and its table was not announced, the run fails and
 * nothing is changed; where none is, it succeeds. 400 cases in `npm test`, 20,000 in `npm run test:faults`.
 */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { runPlain } from '../../src/engine.ts'
import type { LoadedMigration } from '../../src/migrations/load.ts'
import { applyMigrations } from '../../src/migrations/run.ts'
import { openDatabase, withTransaction } from '../../src/sqlite/connect.ts'
import { migratableOn } from '../../src/sqlite/transaction.ts'
import { bystanders, isCrowded } from '../help/bystanders.ts'
import { makeQuickFolder } from '../help/found.ts'
import { dump } from '../help/program.ts'

const runs = Number(process.env.RUNS ?? (process.env.FAULTS === 'long' ? 20_000 : 400))

const kinds = ['INTEGER', 'TEXT', 'composite', 'WITHOUT ROWID', 'NOCASE', 'none', 'fts5'] as const
type Kind = (typeof kinds)[number]

const verbs = [
  'rename',
  'rename',
  'swap',
  'drop',
  'drop and create',
  'rebuild',
  'rebuild',
  'rename, create, copy, drop',
  'copy, drop, create, copy back',
  'rebuild without a row',
  'delete',
  'delete all',
  'insert',
  'insert',
  'insert and delete',
  'replace by key',
  'replace by value',
  'delete and insert again',
  'change key',
  'exchange keys',
  'take another key',
  'change value',
  'upsert',
  'add column',
  'rename key',
  'temporary',
  'undone',
  'merge',
  'two into one',
] as const

const cases = fc.record({
  mode: fc.constantFrom('wal', 'delete with a backup', 'delete'),
  tables: fc.array(
    fc.record({ kind: fc.constantFrom<Kind>(...kinds), rows: fc.nat({ max: 4 }), nulls: fc.boolean() }),
    {
      minLength: 1,
      maxLength: 3,
    },
  ),
  steps: fc.array(
    fc.record({
      verb: fc.constantFrom(...verbs),
      table: fc.nat({ max: 9 }),
      row: fc.nat({ max: 9 }),
      other: fc.nat({ max: 9 }),
      spelling: fc.nat({ max: 5 }),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  second: fc.option(fc.nat({ max: 5 }), { freq: 2 }),
  announced: fc.option(fc.nat({ max: 3 }), { freq: 3 }),
})
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never
type Step = Case['steps'][number]

type Row = { readonly born: 'before' | 'since'; key: string | number | null; value: string }
/** `origins` are the tables of before whose rows it is to have. */
type Table = {
  name: string
  kind: Kind
  keyName: string
  rows: Row[]
  origin: number | undefined
  isFuzzy: boolean
  isRemade: boolean
  extra: number
}

/** A model of a database, and the statements that do to SQLite what is done to it. */
const createModel = ({ tables }: Case) => {
  let fresh = 100
  const next = () => {
    fresh += 1
    return fresh
  }
  const keyOf = (kind: Kind, number: number): string | number =>
    kind === 'INTEGER' || kind === 'none' || kind === 'fts5' ? number : `k${number}`
  const rowOf = (kind: Kind, born: Row['born']): Row => {
    const number = next()
    return { born, key: keyOf(kind, number), value: `value ${number}` }
  }
  const present: Table[] = tables.map(({ kind, rows, nulls }, index) => ({
    name: ['metrics', 'Two words', 'it"s'][index] ?? 'x',
    kind,
    keyName: 'k',
    rows: Array.from({ length: rows }, (_, nth) => {
      const row = rowOf(kind, 'before')
      return nulls && nth < 2 && kind === 'TEXT' ? { ...row, key: null } : row
    }),
    origin: index,
    isFuzzy: false,
    isRemade: false,
    extra: 0,
  }))
  return { present, next, rowOf, keyOf }
}

const spell = (name: string, how: number): string => {
  const cased = [name, name.toUpperCase(), name.toLowerCase()][how % 3] ?? name
  if (how >= 3 && /^\w+$/.test(cased)) return cased
  return how % 2 === 0 ? `"${cased.replaceAll('"', '""')}"` : `[${cased}]`
}

const literal = (value: string | number | null): string => {
  if (value === null) return 'NULL'
  return typeof value === 'number' ? String(value) : `'${value}'`
}

const create = ({ kind, keyName: k }: Pick<Table, 'kind' | 'keyName'>, name: string): string => {
  switch (kind) {
    case 'INTEGER':
      return `CREATE TABLE ${name} (${k} INTEGER PRIMARY KEY, v TEXT UNIQUE)`
    case 'TEXT':
      return `CREATE TABLE ${name} (v UNIQUE, ${k} TEXT PRIMARY KEY, twice AS (v || v))`
    case 'composite':
      return `CREATE TABLE ${name} (one DEFAULT 1, ${k} TEXT, v UNIQUE, PRIMARY KEY (${k}, one))`
    case 'WITHOUT ROWID':
      return `CREATE TABLE ${name} (${k} TEXT PRIMARY KEY, v UNIQUE) WITHOUT ROWID`
    case 'NOCASE':
      return `CREATE TABLE ${name} (${k} TEXT COLLATE NOCASE PRIMARY KEY, v UNIQUE)`
    case 'none':
      return `CREATE TABLE ${name} (${k}, v UNIQUE)`
    default:
      return `CREATE VIRTUAL TABLE ${name} USING fts5(${k}, v)`
  }
}

/** What the model says of a run. */
type Verdict = Readonly<{
  statements: readonly (readonly string[])[]
  removesRows: readonly string[]
  lost: 'none' | 'some' | 'unsure'
}>

const play = (test: Case, model: ReturnType<typeof createModel>): Verdict => {
  const { present, next, rowOf, keyOf } = model
  const before = present.map(table => ({ name: table.name, rows: [...table.rows] }))
  const statements: string[][] = [[]]
  const unsure = new Set<number>()
  const deletedFrom = new Set<number>()
  const say = (...sql: readonly string[]) => statements.at(-1)?.push(...sql)
  const nameFree = () => `t${next()}`

  const doStep = ({ verb, table: nth, row: nthRow, other, spelling }: Step): void => {
    const table = present[nth % Math.max(present.length, 1)]
    if (table === undefined) return
    const { kind, keyName: k } = table
    const t = spell(table.name, spelling)
    const row = table.rows[nthRow % Math.max(table.rows.length, 1)]
    const isVirtual = kind === 'fts5'
    const insert = (into: string, { key, value }: Row, how = 'INSERT') =>
      `${how} INTO ${into} (${k}, v) VALUES (${literal(key)}, ${literal(value)})`
    const where = ({ value }: Row) => `WHERE v = ${literal(value)}`
    const columns = `${k}, v`
    // without a key, a row of a table that was made anew is told by values: some may change, not all
    const doubt = () => {
      if (table.origin === undefined || (kind !== 'none' && !isVirtual)) return
      table.isFuzzy = true
      if (table.isRemade) unsure.add(table.origin)
    }
    const remade = () => {
      table.isRemade = true
      if (table.isFuzzy && table.origin !== undefined) unsure.add(table.origin)
      table.extra = 0
    }
    // of a virtual table nobody can tell a row that was changed from one that was deleted while another came
    if (isVirtual && table.origin !== undefined && /delete/.test(verb)) deletedFrom.add(table.origin)
    switch (verb) {
      case 'rename': {
        const name = nameFree()
        say(`ALTER TABLE ${t} RENAME TO ${spell(name, spelling)}`)
        table.name = name
        return
      }
      case 'swap': {
        const second = present[other % present.length]
        if (second === undefined || second === table) return
        const between = nameFree()
        say(`ALTER TABLE ${t} RENAME TO ${between}`)
        say(`ALTER TABLE ${spell(second.name, 0)} RENAME TO ${t}`)
        say(`ALTER TABLE ${between} RENAME TO ${spell(second.name, 0)}`)
        const name = table.name
        table.name = second.name
        second.name = name
        return
      }
      case 'drop':
        say(`DROP TABLE ${t}`)
        present.splice(present.indexOf(table), 1)
        return
      case 'drop and create': {
        say(`DROP TABLE ${t}`, create(table, t))
        const rows = table.rows.slice(0, 3).map(({ key }) => ({ ...rowOf(kind, 'since'), key }))
        for (const one of rows) say(insert(t, one))
        // the model takes it for another table: its rows have the keys of the old ones, and are others
        table.rows = rows
        table.extra = 0
        return
      }
      case 'rebuild':
      case 'rebuild without a row': {
        const fresh = nameFree()
        const isWithout = verb === 'rebuild without a row' && row !== undefined
        say(
          create(table, fresh),
          `INSERT INTO ${fresh} (${columns}) SELECT ${columns} FROM ${t}${isWithout ? ` WHERE v <> ${literal(row.value)}` : ''}`,
        )
        say(`DROP TABLE ${t}`, `ALTER TABLE ${fresh} RENAME TO ${t}`)
        if (isWithout) table.rows = table.rows.filter(one => one !== row)
        remade()
        return
      }
      case 'rename, create, copy, drop': {
        const old = nameFree()
        say(`ALTER TABLE ${t} RENAME TO ${old}`, create(table, t))
        say(`INSERT INTO ${t} (${columns}) SELECT ${columns} FROM ${old} ORDER BY v DESC`, `DROP TABLE ${old}`)
        doubt()
        remade()
        return
      }
      case 'copy, drop, create, copy back': {
        const stage = nameFree()
        const kindOfStage = spelling % 2 === 0 ? 'TEMP TABLE' : 'TABLE'
        say(`CREATE ${kindOfStage} ${stage} AS SELECT ${columns} FROM ${t}`, `DROP TABLE ${t}`, create(table, t))
        say(`INSERT INTO ${t} (${columns}) SELECT ${columns} FROM ${stage}`, `DROP TABLE ${stage}`)
        remade()
        return
      }
      case 'delete':
        if (row === undefined) return
        say(`DELETE FROM ${t} ${where(row)}`)
        table.rows = table.rows.filter(one => one !== row)
        return
      case 'delete all':
        say(`DELETE FROM ${t}`)
        table.rows = []
        return
      case 'insert': {
        const one = rowOf(kind, 'since')
        say(insert(t, one))
        table.rows.push(one)
        return
      }
      case 'insert and delete': {
        const one = rowOf(kind, 'since')
        say(insert(t, one), `DELETE FROM ${t} ${where(one)}`)
        return
      }
      case 'replace by key': {
        if (row === undefined || row.key === null || kind === 'none' || isVirtual) return
        row.value = `value ${next()}`
        say(insert(t, row, spelling % 2 === 0 ? 'REPLACE' : 'INSERT OR REPLACE'))
        return
      }
      case 'replace by value': {
        if (row === undefined || isVirtual) return
        const one = { ...rowOf(kind, 'since'), value: row.value }
        say(insert(t, one, spelling % 2 === 0 ? 'REPLACE' : 'INSERT OR REPLACE'))
        table.rows = [...table.rows.filter(old => old !== row), one]
        // where the row takes the place of the last one, it may get its rowid
        if (kind === 'none' && table.origin !== undefined) unsure.add(table.origin)
        return
      }
      case 'delete and insert again': {
        if (row === undefined) return
        const one = { ...rowOf(kind, 'since'), key: row.key }
        say(`DELETE FROM ${t} ${where(row)}`, insert(t, one))
        table.rows = [...table.rows.filter(old => old !== row), one]
        return
      }
      case 'change key': {
        if (row === undefined) return
        const now = keyOf(kind, next())
        say(`UPDATE ${t} SET ${k} = ${literal(now)} ${where(row)}`)
        row.key = now
        doubt()
        return
      }
      case 'exchange keys': {
        const second = table.rows[other % Math.max(table.rows.length, 1)]
        if (row === undefined || second === undefined || row === second || row.key === null || second.key === null)
          return
        const between = literal(keyOf(kind, next()))
        say(`UPDATE ${t} SET ${k} = ${between} ${where(row)}`)
        say(`UPDATE ${t} SET ${k} = ${literal(row.key)} ${where(second)}`)
        say(`UPDATE ${t} SET ${k} = ${literal(second.key)} ${where(row)}`)
        const key = row.key
        row.key = second.key
        second.key = key
        doubt()
        return
      }
      case 'take another key': {
        const second = table.rows[other % Math.max(table.rows.length, 1)]
        if (
          row === undefined ||
          second === undefined ||
          row === second ||
          second.key === null ||
          kind === 'none' ||
          isVirtual
        )
          return
        say(`UPDATE OR REPLACE ${t} SET ${k} = ${literal(second.key)} ${where(row)}`)
        row.key = second.key
        table.rows = table.rows.filter(one => one !== second)
        return
      }
      case 'change value':
        if (row === undefined) return
        {
          const now = `value ${next()}`
          say(`UPDATE ${t} SET v = ${literal(now)} ${where(row)}`)
          row.value = now
        }
        doubt()
        return
      case 'upsert': {
        if (row === undefined || row.key === null || isVirtual || kind === 'none') return
        const now = `value ${next()}`
        const target = kind === 'composite' ? `${k}, one` : k
        say(
          `INSERT INTO ${t} (${columns}) VALUES (${literal(row.key)}, 'x') ON CONFLICT (${target}) DO UPDATE SET v = ${literal(now)}`,
        )
        row.value = now
        return
      }
      case 'add column':
        if (isVirtual) return
        table.extra += 1
        say(`ALTER TABLE ${t} ADD COLUMN extra${next()} DEFAULT 7`)
        return
      case 'rename key': {
        if (isVirtual) return
        const now = `k${next()}`
        say(`ALTER TABLE ${t} RENAME COLUMN ${k} TO ${now}`)
        table.keyName = now
        return
      }
      case 'temporary': {
        const temp = `temp.${t}`
        say(`CREATE TEMP TABLE ${t} AS SELECT 1 AS x`, `DELETE FROM ${t}`, `DROP TABLE ${temp}`)
        return
      }
      case 'undone': {
        say(
          'SAVEPOINT away',
          `DELETE FROM ${t}`,
          `DROP TABLE ${t}`,
          create(table, t),
          'ROLLBACK TO away',
          'RELEASE away',
        )
        return
      }
      case 'two into one': {
        // it has had the names of both: the keys of one do not stand for those of the other
        const second = present[other % present.length]
        const hasTextKey = (one: Table): boolean => !/INTEGER|none|fts5/.test(one.kind)
        if (second === undefined || second === table || !hasTextKey(second) || !hasTextKey(table)) return
        // its keys are NOT NULL, and OR IGNORE would leave such a row out
        if (table.kind === 'WITHOUT ROWID' && second.rows.some(({ key }) => key === null)) return
        const [fresh, first] = [nameFree(), spell(second.name, 0)]
        say(create(table, fresh), `INSERT OR IGNORE INTO ${fresh} (${columns}) SELECT ${columns} FROM ${t}`)
        say(`INSERT OR IGNORE INTO ${fresh} (${columns}) SELECT ${second.keyName}, v FROM ${first}`)
        say(`DROP TABLE ${t}`, `DROP TABLE ${first}`)
        say(`ALTER TABLE ${fresh} RENAME TO ${first}`, `ALTER TABLE ${first} RENAME TO ${t}`)
        const whose = (one: Table): number =>
          Number(one.rows.some(({ born }) => born === 'before')) + (one.origin === test.announced ? 0 : 2)
        const [heir, gone] = whose(second) > whose(table) ? [second, table] : [table, second]
        Object.assign(heir, { name: table.name, kind, keyName: k })
        heir.rows.push(...gone.rows.map(one => ({ ...one, born: 'since' as const })))
        heir.extra = 0
        present.splice(present.indexOf(gone), 1)
        return
      }
      default: {
        const second = present[other % present.length]
        if (second === undefined || second === table || second.kind !== kind) return
        if (table.rows.some(({ key }) => key === null) || second.keyName !== k) return
        say(`INSERT INTO ${spell(second.name, 0)} (${columns}) SELECT ${columns} FROM ${t}`, `DROP TABLE ${t}`)
        second.rows.push(...table.rows.map(one => ({ ...one, born: 'since' as const })))
        present.splice(present.indexOf(table), 1)
      }
    }
  }
  for (const [index, step] of test.steps.entries()) {
    if (index > 0 && index === test.second) {
      statements.push([])
      // rows that one migration brought and the next one takes are not what this is about
      for (const table of present)
        if (table.rows.some(({ born }) => born === 'since') && table.origin !== undefined) unsure.add(table.origin)
    }
    doStep(step)
  }
  for (const { kind, isFuzzy, origin } of present)
    if (kind === 'fts5' && isFuzzy && origin !== undefined && deletedFrom.has(origin)) unsure.add(origin)
  const announced = test.announced === null ? undefined : before[test.announced]
  const lost = before.flatMap(({ rows }, index) => {
    const there = present.filter(({ origin }) => origin === index).flatMap(table => table.rows)
    const isLost = rows.some(row => !there.includes(row))
    const isNamed = index === test.announced
    // what a name means is told at the beginning of each migration
    if (unsure.has(index) || (announced !== undefined && statements.length > 1)) return ['unsure' as const]
    return isLost && !isNamed ? ['some' as const] : []
  })
  return {
    statements,
    removesRows: announced === undefined ? [] : [announced.name.toUpperCase()],
    lost: lost.includes('some') ? 'some' : lost.includes('unsure') ? 'unsure' : 'none',
  }
}

t.test(
  'a run that loses a row which was there before fails and changes nothing, any other one succeeds',
  { timeout: 0 },
  async t => {
    const root = makeQuickFolder(t)
    const signal = new AbortController().signal
    const patience = { lockTimeout: 0, signal, onWait: () => undefined }
    const seen = { none: 0, some: 0, unsure: 0 }
    let number = 0
    const property = async (test: Case): Promise<void> => {
      number += 1
      const folder = join(root, String(number))
      mkdirSync(folder)
      const [file, copy] = [join(folder, 'x.db'), join(folder, 'backup.db')]
      const model = createModel(test)
      const maker = new Database(file)
      maker.pragma('synchronous = off')
      maker.pragma(`journal_mode = ${test.mode === 'wal' ? 'wal' : 'delete'}`)
      for (const table of model.present) {
        maker.exec(create(table, `"${table.name.replaceAll('"', '""')}"`))
        for (const { key, value } of table.rows)
          maker.exec(
            `INSERT INTO "${table.name.replaceAll('"', '""')}" (k, v) VALUES (${literal(key)}, ${literal(value)})`,
          )
      }
      if (isCrowded(test)) maker.exec(bystanders)
      maker.close()
      copyFileSync(file, copy)
      const { statements, removesRows, lost } = play(test, model)
      const migrations = statements.map(
        (list, index): LoadedMigration => ({
          ...{ name: `000${index + 1}-a`, file: '', text: '', checksum: 'sha256:', down: undefined, removesRows },
          up: async ({ context }) => {
            for (const sql of list) await context.sequelize.query(sql)
          },
        }),
      )
      const before = dump(file)
      const connection = openDatabase(file)
      connection.pragma('synchronous = off')
      const backup = test.mode === 'delete with a backup' ? copy : undefined
      const options = { version: '1', signal, idleLimit: 60, onProgress: () => undefined, hook: runPlain, backup }
      const error = await withTransaction(connection, patience, () =>
        applyMigrations(migratableOn(connection), migrations, options),
      ).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      connection.close()
      seen[lost] += 1
      const told = JSON.stringify(
        { error: error === undefined ? null : String(error), statements, removesRows, lost },
        null,
        1,
      )
      if (error !== undefined && !/lost data/.test(String(error))) throw new Error(`the model is wrong: ${told}`)
      if (lost === 'some' && error === undefined) throw new Error(`rows are lost: ${told}`)
      if (lost === 'none' && error !== undefined) throw new Error(`a false alarm: ${told}`)
      if (error !== undefined && dump(file) !== before) throw new Error(`not rolled back: ${told}`)
      if (error === undefined) {
        const reader = new Database(file, { readonly: true })
        for (const { name, rows } of model.present) {
          const values = reader
            .prepare(`SELECT v FROM "${name.replaceAll('"', '""')}"`)
            .pluck()
            .all()
          const expected = rows.map(({ value }) => value)
          if (values.toSorted().join() !== expected.toSorted().join()) throw new Error(`the model is wrong: ${told}`)
        }
        reader.close()
      }
    }
    const asProperty = fc.asyncProperty(cases, property)
    await fc.assert(asProperty, {
      numRuns: runs,
      // without a backup keys alone are known: a row made anew under its key, then copied, is not the old one
      examples: (['rename, create, copy, drop', 'copy, drop, create, copy back', 'rebuild'] as const).flatMap(verb =>
        [0, 1].map((spelling): [Case] => [
          {
            mode: 'delete',
            tables: [{ kind: 'INTEGER', rows: 1, nulls: false }],
            steps: [
              { verb: 'delete and insert again', table: 0, row: 0, other: 0, spelling },
              { verb, table: 0, row: 0, other: 0, spelling },
            ],
            second: null,
            announced: null,
          },
        ]),
      ),
      // the short form plays the same cases each time; the long one others, and says which
      seed: Number(process.env.SEED ?? (process.env.FAULTS === 'long' ? Date.now() % 2 ** 31 : 1)),
    })
    t.ok(seen.none > runs / 10 && seen.some > runs / 10, JSON.stringify(seen))
  },
)

/**
 * Random CREATE TABLE texts, in random case and quotes, with comments anywhere: what is read out of each is held against what
 * SQLite says of the table, before and after random edits. 400 cases in `npm test`, 20,000 in `npm run test:faults`.
 */
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { DataTypes } from 'sequelize'
import t from 'tap'
import type { SchemaEditor } from '../../src/engine.ts'
import { reasonOf } from '../../src/failure.ts'
import { readTable } from '../../src/sqlite/schema/read.ts'
import { readTableText } from '../../src/sqlite/schema/text.ts'
import { makeEditor } from '../help/editor.ts'

const runs = process.env.FAULTS === 'long' ? 20_000 : 400

/** The case of ASCII letters alone is no difference to SQLite. */
const upper = (name: string): string => name.replaceAll(/[a-z]/g, letter => letter.toUpperCase())

/** What decides how a text is written: the next number of an endless row that fast-check gave. */
const writer = (seed: readonly number[]) => {
  let at = 0
  const pick = <T>(all: readonly [T, ...T[]]): T => all[Number(seed[at++ % seed.length]) % all.length] ?? all[0]
  /** A keyword in any case. */
  const word = (text: string): string =>
    pick([text, text.toLowerCase(), [...text].map((l, i) => (i % 2 ? l.toLowerCase() : l)).join('')])
  /** A name in any case and quotes. */
  const name = (text: string): string => {
    const cased = pick([text, upper(text), text])
    const bare = /^[a-z_é$][\w$é]*$/i.test(text) && !/^(?:check|order)$/i.test(text) ? cased : undefined
    const quoted = [`"${cased}"`, `\`${cased}\``, `[${cased}]`, `'${cased}'`] as const
    return pick([bare ?? quoted[0], ...quoted])
  }
  const space = (): string => pick([' ', ' ', ' ', '\n\t', ' /* , ) CHECK */ ', ' -- DEFAULT 1, "\n', '/**/'])
  const join = (tokens: readonly string[]): string => tokens.reduce((text, token) => `${text}${space()}${token}`)
  return { pick, word, name, join, words: (text: string) => text.split(' ').map(word) }
}

const features = ['NOT NULL', 'DEFAULT', 'COLLATE', 'CHECK', 'UNIQUE', 'REFERENCES', 'named', 'twice'] as const
const cases = fc.record({
  table: fc.constantFrom('servers', 'été$', 'check', 'a b', 'Order'),
  seed: fc.array(fc.nat({ max: 1000 }), { minLength: 40, maxLength: 40 }),
  key: fc.constantFrom(
    'INTEGER PRIMARY KEY',
    'INTEGER PRIMARY KEY DESC',
    'INTEGER PRIMARY KEY AUTOINCREMENT',
    'TEXT PRIMARY KEY',
    'table',
    'none',
  ),
  columns: fc.array(fc.subarray([...features]), { minLength: 1, maxLength: 3 }),
  generated: fc.boolean(),
  constraints: fc.subarray(['CHECK', 'UNIQUE', 'FOREIGN KEY']),
  commas: fc.boolean(),
  options: fc.constantFrom('', 'WITHOUT ROWID', 'STRICT'),
  indexes: fc.subarray(['partial', 'expression', 'collated']),
  trigger: fc.boolean(),
  rows: fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 5 }),
  edit: fc.constantFrom(
    'rebuild',
    'type',
    'default',
    'NOT NULL',
    'add key',
    'add check',
    'add and remove unique',
    'drop',
    'rename',
  ),
})
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never

const textOf = (c: Case): string => {
  const { pick, word, words, name, join } = writer(c.seed)
  const column = (place: number): string => ['value', 'or der', 'né'][place] ?? 'x'
  const clause = (feature: (typeof features)[number], place: number): readonly string[] => {
    const own = name(column(place))
    if (feature === 'NOT NULL') return [...words('NOT NULL'), ...pick([[], [], words('ON CONFLICT ABORT')])]
    if (feature === 'DEFAULT')
      return [
        word('DEFAULT'),
        ...pick([["'a,)'"], ['7'], ['-', '1.5e3'], ['('], [word('NULL')], ["x'00'"]]).flatMap(v =>
          v === '(' ? ['(', "max(1, '('", ')', ')'] : v,
        ),
      ]
    if (feature === 'COLLATE') return [word('COLLATE'), pick(['NOCASE', 'rtrim', '"binary"'])]
    if (feature === 'CHECK')
      return [word('CHECK'), '(', ...pick([[own], [`${name(c.table)}.${own}`]]), '<>', "')'", ')']
    if (feature === 'UNIQUE') return [word('UNIQUE')]
    if (feature === 'REFERENCES') {
      const actions = pick([
        'ON DELETE SET DEFAULT',
        'ON UPDATE CASCADE ON DELETE SET NULL',
        'MATCH FULL',
        'DEFERRABLE INITIALLY DEFERRED',
      ])
      return [word('REFERENCES'), name('parents'), ...pick([[], ['(', name('id'), ')']]), ...words(actions)]
    }
    if (feature === 'named') return [word('CONSTRAINT'), name(`c${place}`), word('NOT'), word('NULL')]
    return [word('DEFAULT'), '1', word('DEFAULT'), '2']
  }
  const type = (): readonly string[] =>
    c.options === 'STRICT'
      ? [pick(['TEXT', 'ANY'])]
      : pick([
          [],
          ['TEXT'],
          ['varying', 'character', '(', '20', ')'],
          ['"my type"'],
          ['DECIMAL', '(', '5', ',', '2', ')'],
        ])
  const commas = (elements: readonly (readonly string[])[]) =>
    elements.flatMap((element, index) => (index === 0 ? element : [',', ...element]))
  const key = c.key === 'table' || c.key === 'none' ? ['INT'] : words(c.key)
  const columns = [
    [name('id'), ...key],
    ...c.columns.map((chosen, place) => [
      name(column(place)),
      ...type(),
      ...chosen.flatMap(feature => clause(feature, place)),
    ]),
    [name('spare'), word('TEXT')],
    ...(c.generated
      ? [
          [
            name('made'),
            pick([word('TEXT'), `${word('TEXT')} ${word('GENERATED')} ${word('ALWAYS')}`]),
            word('AS'),
            '(',
            name('spare'),
            '||',
            "'x,'",
            ')',
            ...pick([[], words('STORED'), words('VIRTUAL')]),
          ],
        ]
      : []),
  ]
  const constraints = [
    ...(c.key === 'table' ? [[...words('PRIMARY KEY'), '(', name('id'), ')']] : []),
    ...c.constraints.map(kind => {
      const named = pick([[], [word('CONSTRAINT'), name(`t_${kind.slice(0, 2)}`)]])
      if (kind === 'CHECK') return [...named, word('CHECK'), '(', name('spare'), 'IS', 'NOT', "'('", ')']
      if (kind === 'UNIQUE') return [...named, word('UNIQUE'), '(', name('id'), ',', name('spare'), ')']
      return [
        ...named,
        ...words('FOREIGN KEY'),
        '(',
        name('spare'),
        ')',
        word('REFERENCES'),
        name('parents'),
        '(',
        name('code'),
        ')',
        ...words('ON DELETE CASCADE NOT DEFERRABLE'),
      ]
    }),
  ]
  const list = [
    ...commas(columns),
    ...(constraints.length === 0 ? [] : [',', ...(c.commas ? commas(constraints) : constraints.flat())]),
  ]
  const options = c.options === 'WITHOUT ROWID' && /AUTO|none/.test(c.key) ? '' : c.options
  return join([...words('CREATE TABLE'), name(c.table), '(', ...list, ')', ...(options === '' ? [] : words(options))])
}

const q = (name: string) => `"${name}"`
type Row = Readonly<Record<string, unknown>>

/** What SQLite itself says of the table, without the column that is edited. */
const factsOf = (connection: Database.Database, table: string) => {
  const all = (sql: string, ...values: readonly unknown[]) => connection.prepare<unknown[], Row>(sql).all(...values)
  const names = all('SELECT name FROM pragma_table_xinfo(?)', table).map(({ name }) => String(name))
  const hasRowid = all("SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'", table)[0]?.wr === 0
  const columns = names.filter(name => !/^(?:spare|made|other)$/i.test(name))
  return {
    rows: all(
      `SELECT ${[...(hasRowid ? ['_rowid_ AS place'] : []), ...columns.flatMap(name => [q(name), `typeof(${q(name)})`])].join(', ')} FROM ${q(table)} ORDER BY ${q('id')}`,
    ),
    columns: all('SELECT * FROM pragma_table_xinfo(?)', table)
      .filter(({ name }) => columns.includes(String(name)))
      .map(({ cid: _, ...column }) => column),
    keys: all(
      'SELECT "table", "from", "to", on_update, on_delete, match FROM pragma_foreign_key_list(?) ORDER BY "from", "table", "to", on_delete',
      table,
    ).filter(({ from }) => !/^(?:spare|other)$/i.test(String(from))),
    deferred: readTable(connection, table)?.foreignKeys.filter(({ deferred }) => deferred).length,
    indexes: all(
      `SELECT l."unique", l.origin, l.partial, x.seqno, x.name, x.desc, x.coll FROM pragma_index_list(?) AS l, pragma_index_xinfo(l.name) AS x
      WHERE x.key = 1 AND l.name NOT LIKE 'edit%' ORDER BY l.origin, l.partial, (SELECT group_concat(coalesce(name, '')) FROM pragma_index_xinfo(l.name)), l.name NOT LIKE 'sqlite%', x.seqno`,
      table,
    ).map(row => ({ ...row, name: /^(?:spare|other)$/i.test(String(row.name)) ? 'spare' : row.name })),
    around: all(
      "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND name NOT LIKE 'edit%' ORDER BY name",
    ).map(row => ({ ...row, sql: String(row.sql).replaceAll(/"?(?:spare|other)"?/gi, 'spare') })),
    marks:
      all("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").length === 0
        ? []
        : all('SELECT * FROM sqlite_sequence ORDER BY name'),
    sound: all('PRAGMA integrity_check'),
    options: all("SELECT wr, strict FROM pragma_table_list(?) WHERE schema = 'main'", table),
  }
}

const make = async (
  editor: SchemaEditor,
  connection: Database.Database,
  { table, edit }: Readonly<{ table: string; edit: Case['edit'] }>,
): Promise<void> => {
  const name = upper(table)
  const sql = String(
    connection
      .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE")
      .pluck()
      .get(table),
  )
  const strict =
    connection.prepare("SELECT strict FROM pragma_table_list(?) WHERE schema = 'main'").pluck().get(table) === 1
  if (edit === 'rebuild') await editor.rebuildTable(name, sql)
  if (edit === 'type') await editor.changeColumn(name, 'SPARE', strict ? 'ANY' : DataTypes.STRING(9))
  if (edit === 'default') await editor.changeColumn(name, 'spare', { type: 'TEXT', defaultValue: "it's, (" })
  if (edit === 'NOT NULL') await editor.changeColumn(name, 'spare', { type: 'TEXT', allowNull: false })
  if (edit === 'add key') {
    await editor.addConstraint(name, {
      type: 'foreign key',
      name: 'edit_key',
      fields: ['spare'],
      references: { table: 'PARENTS', field: 'id' },
      onDelete: 'cascade',
      onUpdate: 'set null',
    })
    await editor.removeConstraint(name, 'EDIT_KEY')
  }
  if (edit === 'add check') {
    await editor.addConstraint(name, { type: 'check', name: 'edit_check', fields: ['spare'], where: { spare: 's' } })
    await editor.removeConstraint(name, 'edit_check')
  }
  if (edit === 'add and remove unique') {
    await editor.addConstraint(name, { type: 'unique', fields: ['id', 'spare'] })
    await editor.removeConstraint(name, `${table}_id_spare_uk`)
  }
  if (edit === 'rename') await editor.renameColumn(name, 'spare', 'other')
  if (edit === 'drop') await editor.removeColumn(name, 'spare')
}

t.test(
  `${runs} random texts are read as SQLite reads them, and edits change what they name and nothing else`,
  async t => {
    const made = new Map<string, number>()
    let refused = 0
    await fc.assert(
      fc.asyncProperty(cases, async c => {
        const connection = new Database(':memory:')
        try {
          connection.pragma('foreign_keys = OFF')
          connection.exec('CREATE TABLE parents (id TEXT PRIMARY KEY, code TEXT UNIQUE); CREATE TABLE log (x)')
          const sql = textOf(c)
          connection.exec(sql)
          const table = String(
            connection
              .prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid DESC",
              )
              .pluck()
              .get(),
          )
          const kept = String(connection.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').pluck().get(table))
          for (const text of [sql, kept]) holdText(connection, table, text)
          const names = readTableText(kept).columns.map(({ name }) => name)
          const filled = names.filter(name => !/^made$/i.test(name))
          for (const id of c.rows) {
            const values = filled.map(name =>
              /^id$/i.test(name) ? (c.key.startsWith('TEXT') ? `k${id}` : id) : /^spare$/i.test(name) ? 's' : `v${id}`,
            )
            connection
              .prepare(
                `INSERT INTO ${q(table)} (${filled.map(q).join(', ')}) VALUES (${filled.map(() => '?').join(', ')})`,
              )
              .run(values)
          }
          const first = q(String(names[1]))
          if (c.indexes.includes('partial'))
            connection.exec(`CREATE INDEX "i 1" ON ${q(table)} (${first} DESC) WHERE ${first} > 'a'`)
          if (c.indexes.includes('expression'))
            connection.exec(`CREATE INDEX i2 ON ${q(upper(table))} (lower(${first}), id)`)
          if (c.indexes.includes('collated'))
            connection.exec(`CREATE INDEX i3 ON ${q(table)} (${first} COLLATE NOCASE)`)
          if (c.trigger)
            connection.exec(`CREATE TRIGGER w AFTER DELETE ON ${q(table)} BEGIN INSERT INTO log VALUES (1); END`)
          const before = factsOf(connection, table)
          connection.exec('BEGIN')
          const outcome = await make(makeEditor(connection), connection, { table, edit: c.edit }).then(
            () => undefined,
            error => error,
          )
          if (outcome !== undefined) {
            refused += 1
            const reason = reasonOf(outcome)
            if (
              !/^error in|cannot drop|prohibited|no such column|of edit/.test(reason) ||
              !['drop', 'rename'].includes(c.edit)
            )
              throw outcome
          }
          connection.exec('COMMIT')
          made.set(c.edit, (made.get(c.edit) ?? 0) + 1)
          const after = factsOf(connection, table)
          if (JSON.stringify(after) !== JSON.stringify(before)) {
            throw new Error(`${c.edit} changed ${sql}
before ${JSON.stringify(before)}
after ${JSON.stringify(after)}`)
          }
        } finally {
          connection.close()
        }
      }),
      { numRuns: runs, includeErrorInReport: true },
    )
    t.comment(`${JSON.stringify(Object.fromEntries(made))}, ${refused} refused by SQLite`)
  },
)

/** Holds what is read out of a text against what SQLite says of the table that it made. */
const holdText = (connection: Database.Database, table: string, text: string): void => {
  // SQLite keeps the comments and quotes that are within a type
  const bare = (type: string) => type.replaceAll(/--[^\n]*|\/\*.*?\*\/|["`'[\]]|\s/gs, '').toUpperCase()
  const read = readTableText(text)
  const told = connection
    .prepare<[string], Row>('SELECT * FROM pragma_table_xinfo(?)')
    .all(table)
    .map(({ name, type, dflt_value, hidden }) => [name, bare(String(type)), dflt_value !== null, hidden !== 0])
  const found = read.columns.map(({ name, typeAt, defaultAt, expression }) => [
    name,
    bare(text.slice(typeAt.start, typeAt.end)),
    defaultAt !== null,
    expression !== null,
  ])
  const keys = connection.prepare('SELECT count(DISTINCT id) FROM pragma_foreign_key_list(?)').pluck().get(table)
  const [is, shall] = [found, told].map(columns => JSON.stringify(columns))
  if (is !== shall || keys !== read.foreignKeys.length) throw new Error(`${text}\nis read as ${is}, and is ${shall}`)
}

import Database from 'better-sqlite3'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { connectSequelize } from '../../src/database/sequelize.ts'
import { makeSafe } from '../../src/migrations/schema-editor.ts'

const open = (sql: string) => {
  const connection = new Database(':memory:')
  connection.pragma('foreign_keys = OFF')
  connection.exec(sql)
  const schema = makeSafe(connectSequelize(connection).getQueryInterface(), () => undefined)
  const all = (query: string) => connection.prepare(query).all()
  return { connection, schema, all }
}
const opened = (t: Pick<Test, 'teardown'>, sql: string) => {
  const database = open(sql)
  t.teardown(() => database.connection.close())
  return database
}

t.test(
  'what ALTER TABLE cannot do: another type, a foreign key with its action, a new column filled by an expression',
  async t => {
    const { all, schema } = opened(
      t,
      "CREATE TABLE p (id TEXT PRIMARY KEY); CREATE TABLE a (x TEXT, y TEXT); INSERT INTO a VALUES ('5', 'Up')",
    )
    await schema.rebuildTable(
      'a',
      'CREATE TABLE a (x INTEGER, y TEXT, low TEXT NOT NULL, p TEXT REFERENCES p (id) ON DELETE CASCADE)',
      {
        copy: { low: 'lower(y)' },
      },
    )
    t.strictSame(all('SELECT *, typeof(x) AS kind FROM a'), [{ x: 5, y: 'Up', low: 'up', p: null, kind: 'integer' }])
    t.match(all('SELECT * FROM pragma_foreign_key_list($a)'.replace('$a', "'a'")), [
      { table: 'p', on_delete: 'CASCADE' },
    ])
  },
)

t.test('a column goes only when it is named', async t => {
  const { all, schema } = opened(t, 'CREATE TABLE a (x, y); INSERT INTO a VALUES (1, 2)')
  await t.rejects(schema.rebuildTable('a', 'CREATE TABLE a (x)'), { message: /would drop y/ })
  const again = opened(t, 'CREATE TABLE a (x, y); INSERT INTO a VALUES (1, 2)')
  await again.schema.rebuildTable('a', 'CREATE TABLE a (x)', { copy: { y: null } })
  t.strictSame(again.all('SELECT * FROM a'), [{ x: 1 }])
  t.strictSame(all('SELECT * FROM a'), [{ x: 1, y: 2 }])
})

t.test('a number of rows that changes is an error', async t => {
  const { schema } = opened(t, 'CREATE TABLE a (x); INSERT INTO a VALUES (1), (1)')
  await t.rejects(schema.rebuildTable('a', 'CREATE TABLE a (x UNIQUE ON CONFLICT IGNORE)'), { message: /1 rows of 2/ })
})

for (const [title, createSql] of [
  ['another name', 'CREATE TABLE b (x)'],
  ['a name that only begins alike', 'CREATE TABLE ab (x)'],
  ['no CREATE TABLE', 'SELECT 1'],
  ['CREATE TABLE IF NOT EXISTS', 'CREATE TABLE IF NOT EXISTS a (x)'],
  ['a syntax error', 'CREATE TABLE a (x'],
] as const) {
  t.test(`${title} is refused`, async t => {
    const { all, schema } = opened(t, 'CREATE TABLE a (x); INSERT INTO a VALUES (1)')
    await t.rejects(schema.rebuildTable('a', createSql))
    t.strictSame(all('SELECT * FROM a'), [{ x: 1 }])
  })
}

t.test('a table that is not there, or is a view, is refused', async t => {
  const { schema } = opened(t, 'CREATE VIEW v AS SELECT 1 AS x')
  await t.rejects(schema.rebuildTable('nothing', 'CREATE TABLE nothing (x)'))
  await t.rejects(schema.rebuildTable('v', 'CREATE TABLE v (x)'))
})

t.test('rowids stay, also where a column is called rowid', async t => {
  for (const column of ['x', 'rowid', 'ROWID']) {
    const { all, schema } = opened(t, `CREATE TABLE a ("${column}", y); INSERT INTO a (_rowid_, y) VALUES (7, 'seven')`)
    await schema.rebuildTable('a', `CREATE TABLE a ("${column}", y, z)`)
    t.match(all('SELECT _rowid_ AS id, y FROM a'), [{ id: 7, y: 'seven' }])
  }
})

const kept = fc.record({
  name: fc.constantFrom('plain', 'two words', 'it"s', 'SELECT', 'ünï'),
  key: fc.constantFrom('INTEGER PRIMARY KEY AUTOINCREMENT', 'INTEGER PRIMARY KEY', 'INT', 'TEXT PRIMARY KEY'),
  withoutRowid: fc.boolean(),
  strict: fc.boolean(),
  collate: fc.constantFrom('', ' COLLATE NOCASE', ' COLLATE RTRIM'),
  fallback: fc.constantFrom('', " DEFAULT 'a;b'", " DEFAULT (lower('X'))"),
  check: fc.boolean(),
  generated: fc.constantFrom('', 'VIRTUAL', 'STORED'),
  unique: fc.boolean(),
  indexes: fc.subarray(['partial', 'expression', 'plain', 'descending']),
  trigger: fc.boolean(),
  view: fc.boolean(),
  child: fc.constantFrom('', 'ON DELETE CASCADE', 'ON DELETE SET NULL ON UPDATE CASCADE'),
  rows: fc.uniqueArray(
    fc.record({
      id: fc.integer({ min: 1, max: 1000 }),
      text: fc.option(fc.string({ maxLength: 6 })),
      number: fc.option(fc.integer({ min: 0, max: 2 ** 31 })),
      bytes: fc.option(fc.uint8Array({ maxLength: 4 })),
    }),
    { selector: ({ id }) => id, maxLength: 8 },
  ),
  gone: fc.nat({ max: 3 }),
  edit: fc.constantFrom('none', 'add', 'drop'),
})
type Case = typeof kept extends fc.Arbitrary<infer T> ? T : never

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
const definition = (c: Case, edit: Case['edit']): string => {
  const isKey = c.key.includes('PRIMARY KEY')
  const options = [c.withoutRowid && isKey && !c.key.includes('AUTOINCREMENT') && 'WITHOUT ROWID', c.strict && 'STRICT']
  const columns = [
    `id ${c.key}`,
    `txt TEXT${c.collate}${c.fallback}`,
    `num INTEGER${c.check ? ' CHECK (num >= 0)' : ''}`,
    'bytes BLOB',
    ...(edit === 'drop' ? [] : ['spare TEXT']),
    ...(edit === 'add' ? ["extra TEXT DEFAULT 'new'"] : []),
    ...(c.generated ? [`twice INTEGER GENERATED ALWAYS AS (num * 2) ${c.generated}`] : []),
    ...(c.unique ? ['UNIQUE (id, txt)'] : []),
  ]
  return `CREATE TABLE ${quoted(c.name)} (${columns.join(', ')}) ${options.filter(Boolean).join(', ')}`
}

/** Fills a database with the case, and reads everything of it that a rebuild must leave alone. */
const build = (c: Case) => {
  const table = quoted(c.name)
  const database = open(definition(c, 'none'))
  const { connection, all } = database
  const insert = connection.prepare(`INSERT INTO ${table} (id, txt, num, bytes, spare) VALUES (?, ?, ?, ?, 's')`)
  for (const { id, text, number, bytes } of c.rows) {
    insert.run(c.key.startsWith('TEXT') ? String(id) : id, text, number, bytes === null ? null : Buffer.from(bytes))
  }
  for (const { id } of c.rows.slice(0, c.gone))
    connection.prepare(`DELETE FROM ${table} WHERE id = ?`).run(c.key.startsWith('TEXT') ? String(id) : id)
  const indexSql = {
    partial: `CREATE INDEX i_partial ON ${table} (num) WHERE num > 5`,
    expression: `CREATE INDEX i_expression ON ${table} (lower(txt))`,
    plain: `CREATE INDEX i_plain ON ${table} (txt COLLATE BINARY, num)`,
    descending: `CREATE UNIQUE INDEX i_descending ON ${table} (id DESC)`,
  }
  for (const index of c.indexes) connection.exec(indexSql[index as keyof typeof indexSql])
  connection.exec('CREATE TABLE log (x)')
  if (c.trigger)
    connection.exec(`CREATE TRIGGER watch AFTER DELETE ON ${table} BEGIN INSERT INTO log VALUES (old.id); END`)
  if (c.view) connection.exec(`CREATE VIEW seen AS SELECT id, txt FROM ${table}`)
  if (c.child)
    connection.exec(`CREATE TABLE child (x REFERENCES ${table} (id) ${c.child}); INSERT INTO child VALUES (1), (2)`)
  const hasRowid = !definition(c, 'none').includes('WITHOUT ROWID')
  const state = () => ({
    rows: all(
      `SELECT ${hasRowid ? '_rowid_ AS place, ' : ''}id, txt, num, bytes, typeof(id) AS kind ${c.generated ? ', twice' : ''} FROM ${table} ORDER BY id`,
    ),
    sequence: c.key.includes('AUTOINCREMENT') ? all('SELECT * FROM sqlite_sequence') : [],
    around: all(
      `SELECT type, name, sql FROM sqlite_schema WHERE type <> 'table' OR name IN ('child', 'log') ORDER BY name`,
    ),
    children: c.child ? all('SELECT * FROM child') : [],
    log: all('SELECT * FROM log'),
    sound: all('PRAGMA integrity_check'),
    tables: all('SELECT name, wr, strict FROM pragma_table_list ORDER BY name'),
    xinfo: all(
      `SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo('${c.name.replaceAll("'", "''")}') WHERE name NOT IN ('spare', 'extra') ORDER BY name`,
    ),
  })
  return { ...database, state }
}

const runs = 1000

t.test(`${runs} random tables out of everything SQLite has survive a rebuild`, async t => {
  await fc.assert(
    fc.asyncProperty(kept, async c => {
      const { connection, schema, state, all } = build(c)
      try {
        const before = state()
        await schema.rebuildTable(c.name, definition(c, c.edit), c.edit === 'drop' ? { copy: { spare: null } } : {})
        const after = state()
        if (JSON.stringify(after) !== JSON.stringify(before)) {
          throw new Error(`before ${JSON.stringify(before)}\nafter ${JSON.stringify(after)}`)
        }
        const columns = all(`SELECT name FROM pragma_table_xinfo('${c.name.replaceAll("'", "''")}')`).map(
          row => Object(row).name,
        )
        if (columns.includes('extra') !== (c.edit === 'add') || columns.includes('spare') !== (c.edit !== 'drop')) {
          throw new Error(`the edit ${c.edit} was not made: ${columns}`)
        }
      } finally {
        connection.close()
      }
    }),
    { numRuns: runs },
  )
  t.pass()
})

import Database from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { findBrokenKeys } from '../../src/sqlite/keys.ts'
import { haveParents } from '../../src/sqlite/parents.ts'

const usual = `CREATE TABLE p (id TEXT PRIMARY KEY);
  CREATE TABLE c (x TEXT REFERENCES p, y); CREATE INDEX i ON c (x, y)`

const open = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(`PRAGMA foreign_keys = OFF; ${sql}`)
  return connection
}

t.test('rows have their parents, or have not, and NULL needs none', async t => {
  for (const [values, expected] of [
    ["('a', 1), ('a', 2), ('b', 3), (NULL, 4)", true],
    ["('a', 1), ('a', 2), ('c', 3)", false],
    ["('', 1)", false],
    ["(x'61', 1)", false],
  ] as const) {
    const connection = open(`${usual}; INSERT INTO p VALUES ('a'), ('b'); INSERT INTO c VALUES ${values}`)
    t.equal(haveParents(connection, 'c'), expected, values)
    connection.close()
  }
})

t.test('values that are one for the child, and two for the parent, are not told by one of them', async t => {
  for (const [parent, child, values] of [
    ['TEXT', 'TEXT COLLATE NOCASE', "('a'), ('A')"],
    ['TEXT', 'TEXT COLLATE RTRIM', "('a'), ('a ')"],
    ['TEXT', '', '(1), (1.0)'],
    ['TEXT', 'BLOB', '(1), (1.0)'],
  ] as const) {
    const connection = open(`CREATE TABLE p (id ${parent} PRIMARY KEY); CREATE TABLE c (x ${child} REFERENCES p);
      CREATE INDEX i ON c (x); INSERT INTO p VALUES ('a'), ('1'); INSERT INTO c VALUES ${values}`)
    t.match(findBrokenKeys(connection, 'c'), { broken: [{ rows: 1 }] })
    t.equal(haveParents(connection, 'c'), false, child)
    connection.close()
  }
})

t.test('tables and columns may have any names', async t => {
  for (const sql of [
    "CREATE TABLE p (id TEXT PRIMARY KEY); CREATE TABLE c (x TEXT REFERENCES p, it DEFAULT 'zz', number)",
    'CREATE TABLE p (id TEXT PRIMARY KEY); CREATE TABLE c (x TEXT REFERENCES p, IT)',
    'CREATE TABLE value (id TEXT PRIMARY KEY, it DEFAULT 1); CREATE TABLE c (x TEXT REFERENCES value)',
    'CREATE TABLE value (it TEXT PRIMARY KEY); CREATE TABLE c (x TEXT REFERENCES value)',
    'CREATE TABLE "of parent" ("of child" TEXT PRIMARY KEY); CREATE TABLE c (x TEXT REFERENCES "of parent", value)',
  ]) {
    const [, parent = '', id = ''] = /^CREATE TABLE (\w+|"[^"]+") \((\w+|"[^"]+") /.exec(sql) ?? []
    const connection = open(`${sql}; CREATE INDEX i ON c (x); INSERT INTO ${parent} (${id}) VALUES ('a'), ('b')`)
    connection.exec("INSERT INTO c (x) VALUES ('a'), ('b')")
    t.equal(haveParents(connection, 'c'), true, sql)
    connection.exec("INSERT INTO c (x) VALUES ('c')")
    t.equal(haveParents(connection, 'c'), false, sql)
    connection.close()
  }
  const connection = open(`CREATE TABLE p (it TEXT PRIMARY KEY); CREATE TABLE c (it TEXT REFERENCES p);
    CREATE INDEX i ON c (it); INSERT INTO p VALUES ('a'); INSERT INTO c VALUES ('a'), ('b')`)
  t.equal(haveParents(connection, 'c'), false)
  connection.close()
})

t.test('a key that is generated is not told: a function that only the hub has may make it', async t => {
  const connection = open(`CREATE TABLE p (id TEXT PRIMARY KEY);
    CREATE TABLE c (y TEXT, x TEXT AS (lower(y)) REFERENCES p); CREATE INDEX i ON c (x);
    INSERT INTO p VALUES ('a'); INSERT INTO c VALUES ('A')`)
  t.equal(haveParents(connection, 'c'), false)
  connection.close()
})

t.test('what costs more than to read every row, or has no foreign key, is not told', async t => {
  const rows = (count: number) =>
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) INSERT INTO`
  const connection = open(`${usual}; ${rows(10_000)} p SELECT i FROM n; INSERT INTO c SELECT id, 1 FROM p`)
  t.equal(haveParents(connection, 'c'), true)
  connection.exec("INSERT INTO p VALUES ('more'); INSERT INTO c VALUES ('more', 1)")
  t.equal(haveParents(connection, 'c'), false)
  t.equal(haveParents(connection, 'nothing'), false)
  connection.close()
})

t.test('a large table whose index tells is not read, but for its orphans', async t => {
  const connection = open(`${usual}; INSERT INTO p VALUES ('a'); INSERT INTO c VALUES ('a', 1), ('b', 2)`)
  const broken = [{ parent: 'p', rows: 1, first: 2 }]
  for (const size of [2, 1_000_000]) t.strictSame(findBrokenKeys(connection, 'c', size), { broken })
  connection.exec("INSERT INTO p VALUES ('b')")
  for (const size of [2, 1_000_000]) t.strictSame(findBrokenKeys(connection, 'c', size), { broken: [] })
  connection.close()
})

/** A column in three parts, and the options of its table. */
const column = fc.record({
  type: fc.constantFrom('', 'TEXT', 'VARCHAR(9)', 'INTEGER', 'INT', 'REAL'),
  collation: fc.constantFrom('', '', 'COLLATE NOCASE', 'collate rtrim', 'COLLATE BINARY'),
  isStrict: fc.boolean(),
})
/** In the column, and as a constraint of the table. */
const keys = [
  ...[['PRIMARY KEY'], ['PRIMARY KEY'], ['UNIQUE'], [''], ['', 'PRIMARY KEY (x)'], ['', 'PRIMARY KEY (x DESC)']],
  ...[
    ['', 'PRIMARY KEY (x COLLATE NOCASE)'],
    ['', 'PRIMARY KEY (x, y)'],
    ['PRIMARY KEY', 'UNIQUE (x COLLATE NOCASE)'],
  ],
] as const
const indexes = [
  ...['(x)', '(x, y)', '(x)', '(x DESC)', '(x COLLATE NOCASE)', '(x COLLATE RTRIM, y)', '(y, x)', '(lower(x))', ''],
  ...['(x) WHERE x IS NOT NULL', "(x) WHERE x > 'a'"],
]
const value = fc.constantFrom("'a'", "'A'", "'a '", '1', "'1'", '1.0', "'1.0'", "x'61'", 'NULL')
const database = fc.record({
  parent: column,
  child: fc.option(column, { freq: 1 }),
  key: fc.constantFrom(...keys),
  hasRowid: fc.boolean(),
  isNamed: fc.boolean(),
  index: fc.constantFrom(...indexes),
  parents: fc.array(value, { minLength: 1, maxLength: 4 }),
  /** a value of a parent that may be there, or another one */
  children: fc.array(fc.oneof({ weight: 2, arbitrary: fc.nat(3) }, value), { maxLength: 4 }),
})
type Made = typeof database extends fc.Arbitrary<infer T> ? T : never

/** @param child like the parent's if it has none of its own */
const textOf = ({ parent, child, key: [ofColumn, constraint], hasRowid, isNamed, index }: Made): string => {
  const make = (name: string, { type, collation, isStrict }: Made['parent'], more: readonly string[], option = '') => {
    const strictType = type === '' || /CHAR|NUMERIC/.test(type) ? 'ANY' : type
    const x = `x ${isStrict ? strictType : type} ${collation} ${more[0]}`
    const options = [isStrict ? 'STRICT' : '', option].filter(text => text !== '')
    return `CREATE TABLE ${name} (${[x, isStrict ? 'y ANY' : 'y', ...more.slice(1)].join(', ')}) ${options.join(', ')}`
  }
  const needsRowid = hasRowid || !`${ofColumn}${constraint}`.includes('PRIMARY')
  return [
    make(
      'p',
      parent,
      constraint === undefined ? [ofColumn] : [ofColumn, constraint],
      needsRowid ? '' : 'WITHOUT ROWID',
    ),
    make('c', child ?? parent, [`REFERENCES p ${isNamed ? '(x)' : ''}`]),
    index === '' ? '' : `CREATE INDEX i ON c ${index}`,
  ].join('; ')
}

/** Whether a row could be inserted: a STRICT table takes not every value, and a key takes each once. */
const insert = (connection: Database.Database, into: string, value: string, number: number): boolean => {
  try {
    connection.exec(`INSERT INTO ${into} (x, y) VALUES (${value}, ${number})`)
    return true
  } catch {
    return false
  }
}

t.test('nothing is said to have its parents where SQLite finds a row without one, or cannot check it', async t => {
  const told = { true: 0, false: 0 }
  fc.assert(
    fc.property(database, made => {
      const connection = open(textOf(made))
      try {
        for (const [number, value] of made.parents.entries()) insert(connection, 'p', value, number)
        for (const [number, child] of made.children.entries())
          insert(connection, 'c', typeof child === 'string' ? child : (made.parents[child] ?? 'NULL'), number)
        const isWhole = haveParents(connection, 'c')
        told[`${isWhole}`] += 1
        return !isWhole || JSON.stringify(findBrokenKeys(connection, 'c')) === '{"broken":[]}'
      } finally {
        connection.close()
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 3000) },
  )
  t.ok(told.true > 50 && told.false > 50, JSON.stringify(told))
})

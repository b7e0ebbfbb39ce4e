import Database from 'better-sqlite3'
import t from 'tap'
import { readStructure } from '../../../src/database/structure.ts'
import { lostParts } from '../../../src/migrations/lint/lost-parts.ts'

const structureOf = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE p (id INTEGER PRIMARY KEY); ${sql}`)
  const structure = readStructure(connection)
  connection.close()
  return structure
}

/** What is lost when a table made by one text stands in the place of one made by the other. */
const lost = (old: string, now: string): readonly string[] => {
  const [before, after] = [structureOf(old), structureOf(now)]
  return before.tables.flatMap(last =>
    after.tables.filter(({ name }) => name === last.name).flatMap(table => lostParts(last, table, before, after)),
  )
}

for (const [part, old, now] of [
  ['ON DELETE CASCADE of foreign key a (x) to p (id)', 'x REFERENCES p ON DELETE CASCADE', 'x REFERENCES p'],
  ['ON UPDATE SET NULL of foreign key a (x) to p (id)', 'x REFERENCES p ON UPDATE SET NULL', 'x REFERENCES p'],
  [
    'checked at COMMIT of foreign key a (x) to p (id)',
    'x REFERENCES p DEFERRABLE INITIALLY DEFERRED',
    'x REFERENCES p',
  ],
  ["default 'd' of column a.x", "x DEFAULT 'd'", 'x'],
  ['NOT NULL of column a.x', 'x NOT NULL', 'x'],
  ['collation NOCASE of column a.x', 'x COLLATE NOCASE', 'x'],
  ['affinity REAL (REAL) of column a.x', 'x REAL', 'x'],
  ['computed virtual x + 1 of column a.y', 'x, y AS (x + 1)', 'x, y'],
  ['place in the primary key 1 of column a.x', 'x PRIMARY KEY', 'x'],
  ['CHECK (x > 0)', 'x CHECK (x > 0)', 'x'],
  ['CHECK (x > 1)', 'x CHECK (x > 0), CHECK (x > 1)', 'x CHECK (x > 0)'],
  ['x UNIQUE ON CONFLICT IGNORE', 'x UNIQUE ON CONFLICT IGNORE', 'x UNIQUE'],
  ['UNIQUE (x)', 'x UNIQUE', 'x'],
] as const)
  t.test(`it is told that this went: ${part}`, async t =>
    t.strictSame(lost(`CREATE TABLE a (${old})`, `CREATE TABLE a (${now})`), [part]),
  )

t.test('what stands behind the parentheses of a table can go, too', async t => {
  t.strictSame(
    lost('CREATE TABLE a (x TEXT PRIMARY KEY) STRICT, WITHOUT ROWID', 'CREATE TABLE a (x TEXT PRIMARY KEY)'),
    ['WITHOUT ROWID', 'STRICT', 'NOT NULL of column a.x'],
  )
  t.strictSame(lost('CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT)', 'CREATE TABLE a (x INTEGER PRIMARY KEY)'), [
    'AUTOINCREMENT',
  ])
})

t.test('what is other than before was written down so, and is not lost', async t => {
  for (const [old, now] of [
    ['x REFERENCES p ON DELETE CASCADE', 'x REFERENCES p ON DELETE SET NULL'],
    ['x REFERENCES p', 'x REFERENCES p ON DELETE CASCADE'],
    ["x DEFAULT 'd'", "x DEFAULT 'e'"],
    ["x DEFAULT 'd'", 'x DEFAULT NULL'],
    ['x REAL', 'x TEXT'],
    ['x', 'x NOT NULL UNIQUE CHECK (x > 0)'],
    ["x CHECK (x IN ('a'))", "x CHECK (x IN ('a', 'b'))"],
  ])
    t.strictSame(lost(`CREATE TABLE a (${old})`, `CREATE TABLE a (${now})`), [], `${old} -> ${now}`)
})

t.test('what goes with a column that goes is another finding', async t => {
  const old =
    "CREATE TABLE a (x DEFAULT 'd' REFERENCES p ON DELETE CASCADE, y CHECK (x <> y)); CREATE INDEX i ON a (y, x)"
  t.strictSame(lost(old, 'CREATE TABLE a (y)'), [])
})

t.test('triggers go with their table, but not those of another one', async t => {
  const trigger = (name: string, table: string) => `CREATE TRIGGER ${name} AFTER INSERT ON ${table} BEGIN SELECT 1; END`
  t.strictSame(lost(`CREATE TABLE a (x); ${trigger('g', 'a')}; ${trigger('h', 'p')}`, 'CREATE TABLE a (x)'), [
    'the trigger g',
    'the trigger h',
  ])
})

import t from 'tap'
import { compareSql } from '../help/compare.ts'

/** Compares two definitions of the table `a`. */
const compare = (expected: string, found: string, adopted = false) =>
  compareSql(`CREATE TABLE a (${expected})`, `CREATE TABLE a (${found})`, adopted)

for (const [title, expected, found] of [
  ['order', 'x TEXT, y REAL', 'y REAL, x TEXT'],
  ['quotes', 'x TEXT', '"x" TEXT'],
  ['letter case of a type', 'x TEXT', 'x text'],
  ['DEFAULT NULL', 'x TEXT', 'x TEXT DEFAULT NULL'],
  ['parentheses around a default', 'x DEFAULT CURRENT_TIMESTAMP', 'x DEFAULT (current_timestamp)'],
  ['the quotes of a default', `x DEFAULT 'a'`, `x DEFAULT "a"`],
  ['NOT NULL of a rowid', 'x INTEGER PRIMARY KEY', 'x INTEGER NOT NULL PRIMARY KEY'],
  ['space and quotes in an expression', 'x, y AS (lower(x))', 'x, y AS ( LOWER( "x" ) )'],
] as const) {
  t.test(`${title} is no difference`, async t => {
    t.strictSame(compare(expected, found), [])
    t.strictSame(compare(found, expected), [])
  })
}

for (const [title, expected, found, finding] of [
  ['a missing column', 'x, y TEXT NOT NULL', 'x', 'column a.y missing: TEXT NOT NULL -> nothing'],
  ['an additional column', 'x', "x, y DEFAULT 'b'", "column a.y extra: nothing -> no type DEFAULT 'b'"],
  ['another affinity', 'x REAL', 'x VARCHAR(5)', 'column a.x affinity: REAL (REAL) -> TEXT (VARCHAR(5))'],
  ['a looser NOT NULL', 'x NOT NULL', 'x', 'column a.x NULL: NOT NULL -> NULL'],
  ['another default', "x DEFAULT 'a'", "x DEFAULT 'A'", "column a.x default: 'a' -> 'A'"],
  ['an additional default', 'x', "x DEFAULT ''", "column a.x default: nothing -> ''"],
  ['a missing key', 'x TEXT PRIMARY KEY', 'x TEXT', 'column a.x place in the primary key: 1 -> nothing'],
  [
    'a key that SQLite does not number',
    'x INTEGER PRIMARY KEY',
    'x BIGINT NOT NULL PRIMARY KEY',
    'column a.x rowid: numbered by SQLite -> a key of its own',
  ],
  ['a column that is not computed', 'x, y AS (x)', 'x, y', 'column a.y computed: virtual x -> nothing'],
  ['a stored one', 'x, y AS (x)', 'x, y AS (x) STORED', 'column a.y computed: virtual x -> stored x'],
  ['another expression', 'x, y AS (x + 1)', 'x, y AS (x + 2)', 'column a.y computed: virtual x + 1 -> virtual x + 2'],
  ['another collation', 'x', 'x COLLATE NOCASE', 'column a.x collation: BINARY -> NOCASE'],
] as const) {
  t.test(`${title} is a difference, in an adopted database too`, async t => {
    for (const adopted of [false, true]) {
      const differences = compare(expected, found, adopted).filter(line => !line.startsWith('information'))
      t.strictSame(differences, [`difference ${finding}`])
    }
  })
}

t.test('another place in the key is one for each column', async t => {
  t.strictSame(compare('x, y, PRIMARY KEY (x, y)', 'x, y, PRIMARY KEY (y, x)', true), [
    'difference column a.x place in the primary key: 1 -> 2',
    'difference column a.y place in the primary key: 2 -> 1',
  ])
})

for (const [title, expected, found, finding] of [
  ['a stricter NOT NULL', 'x', 'x NOT NULL', 'column a.x NULL: NULL -> NOT NULL'],
  ['a missing default', "x DEFAULT 'a'", 'x', "column a.x default: 'a' -> nothing"],
] as const) {
  t.test(`${title} is tolerated in an adopted database, and a difference in another`, async t => {
    t.strictSame(compare(expected, found, true), [`tolerated ${finding}`])
    t.strictSame(compare(expected, found), [`difference ${finding}`])
  })
}

t.test('another name of a type of the same affinity is information', async t => {
  for (const adopted of [false, true])
    t.strictSame(compare('x TIMESTAMP, y', 'x DATETIME, y BLOB', adopted), [
      'information column a.x type name: TIMESTAMP -> DATETIME',
      'information column a.y type name: no type -> BLOB',
    ])
})

import Database from 'better-sqlite3'
import t from 'tap'
import { describeUnique, findDataDependent, implies, isConstant, uniquesOf } from '../../src/lint/data.ts'
import { readSchema } from '../../src/sqlite/schema/read.ts'
import { testAnalyzer } from '../help/analyzed.ts'

for (const value of ['1', '-1', "'x'", '"x"', 'x', 'NULL', 'TRUE', "x'00'", '1.5e3'])
  t.test(`${value} is a constant`, async t => t.equal(isConstant(value), true))
for (const value of ['CURRENT_TIMESTAMP', 'current_date', "datetime('now')", '1 + 1', 'random()', "'a' || 'b'"])
  t.test(`${value} is none`, async t => t.equal(isConstant(value), false))

const made =
  "CREATE TABLE a (id INTEGER PRIMARY KEY, x, y DEFAULT 'd', z UNIQUE); CREATE INDEX i ON a (x); CREATE TABLE b (x, y); CREATE UNIQUE INDEX e ON b (lower(x)); CREATE UNIQUE INDEX some ON b (y) WHERE x > 0"
const rebuild = (columns: string, from: string) => [
  `CREATE TABLE n (${columns})`,
  `INSERT INTO n SELECT ${from} FROM a`,
  'DROP TABLE a',
  'ALTER TABLE n RENAME TO a',
]

testAnalyzer(t, made, ({ lineages, kept }) => findDataDependent(lineages, kept), [
  [
    'a NOT NULL column without a default, which an empty table takes',
    ['ALTER TABLE a ADD COLUMN w NOT NULL'],
    ['MF103: adds the column a.w as NOT NULL without a default'],
  ],
  [
    'one with a default, and one that may be NULL',
    ["ALTER TABLE a ADD COLUMN w NOT NULL DEFAULT 'x'", 'ALTER TABLE a ADD COLUMN v'],
    [],
  ],
  [
    'one that is filled before it is made NOT NULL',
    ['ALTER TABLE a ADD COLUMN w', "UPDATE A SET W = 'x'", 'ALTER TABLE a ALTER COLUMN w SET NOT NULL'],
    [],
  ],
  [
    'one that is made NOT NULL without that',
    ['ALTER TABLE a ADD COLUMN w', 'ALTER TABLE a ALTER COLUMN w SET NOT NULL'],
    ['LT101: makes a.w NOT NULL'],
  ],
  ['a computed column needs no default', ['ALTER TABLE a ADD COLUMN w NOT NULL AS (id)'], []],
  ['a table of the migration itself has no rows', ['CREATE TABLE c (x)', 'ALTER TABLE c ADD COLUMN w NOT NULL'], []],
  ['a rebuild fills its columns by itself', rebuild('id INTEGER PRIMARY KEY, x, y, z UNIQUE, w NOT NULL', '*, 1'), []],
  [
    'a default that is no constant, which an empty table takes',
    ['ALTER TABLE a ADD COLUMN w DEFAULT CURRENT_TIMESTAMP'],
    ['HM301: adds the column a.w with the default CURRENT_TIMESTAMP'],
  ],
  ['NOT NULL without a default', ['ALTER TABLE a ALTER COLUMN x SET NOT NULL'], ['LT101: makes a.x NOT NULL']],
  ['NOT NULL with a default', ['ALTER TABLE a ALTER COLUMN y SET NOT NULL'], ['MF104: makes a.y NOT NULL']],
  [
    'NOT NULL by a rebuild',
    rebuild('id INTEGER PRIMARY KEY, x NOT NULL, z UNIQUE', 'id, x, z'),
    ['LT101: makes a.x NOT NULL'],
  ],
  [
    'rows that were filled before are ready for it',
    ["UPDATE a SET x = 'x' WHERE x IS NULL", 'ALTER TABLE a ALTER COLUMN x SET NOT NULL'],
    [],
  ],
  [
    'of which only some were filled are not',
    [
      "UPDATE a SET x = 'x' WHERE id = 3",
      "UPDATE a SET x = 'x' WHERE x IS NULL AND y IS NULL",
      'ALTER TABLE a ALTER COLUMN x SET NOT NULL',
    ],
    ['LT101: makes a.x NOT NULL'],
  ],
  [
    'nor of which those are filled that have a value in another column, or in this one',
    [
      "UPDATE a SET y = 'y' WHERE x IS NULL",
      "UPDATE a SET y = 'y' WHERE y IS NOT NULL",
      'ALTER TABLE a ALTER COLUMN y SET NOT NULL',
    ],
    ['MF104: makes a.y NOT NULL'],
  ],
  [
    'all of them are ready, whatever their column is called there',
    ["UPDATE a SET X = 'x' WHERE a.[X] IS NULL", 'ALTER TABLE a ALTER COLUMN x SET NOT NULL'],
    [],
  ],
  [
    'rows of another table, or of this one afterwards, are not',
    ["UPDATE b SET x = 'x'", 'ALTER TABLE a ALTER COLUMN x SET NOT NULL', "UPDATE a SET x = 'x'"],
    ['LT101: makes a.x NOT NULL'],
  ],
  [
    'another column that was filled does not make this one ready',
    ["UPDATE a SET y = 'x'", 'ALTER TABLE a ALTER COLUMN x SET NOT NULL'],
    ['LT101: makes a.x NOT NULL'],
  ],
  [
    'rows that were filled under the name that the column had are ready',
    ["UPDATE a SET x = 'x'", 'ALTER TABLE a RENAME COLUMN x TO w', 'ALTER TABLE a ALTER COLUMN w SET NOT NULL'],
    [],
  ],
  [
    'a rebuild may fill the column as it copies',
    [
      'CREATE TABLE n (id INTEGER PRIMARY KEY, x NOT NULL, z UNIQUE)',
      "INSERT INTO n (id, x, z) SELECT id, coalesce(x, ''), z FROM a",
      'DROP TABLE a',
      'ALTER TABLE n RENAME TO a',
    ],
    [],
  ],
  [
    'NULL that is allowed again is no danger',
    ['ALTER TABLE a ALTER COLUMN x SET NOT NULL', 'ALTER TABLE a ALTER COLUMN x DROP NOT NULL'],
    [],
  ],
  [
    'a unique index on rows of which those that are alike were deleted before',
    ['DELETE FROM A WHERE rowid NOT IN (SELECT min(rowid) FROM a GROUP BY Y, x)', 'CREATE UNIQUE INDEX u ON a (y, x)'],
    [],
  ],
  ['one on rows that were told apart', ['UPDATE a SET y = y || x', 'CREATE UNIQUE INDEX u ON a (y)'], []],
  [
    'one on rows that were deleted by something else, made alike, or changed afterwards',
    [
      'DELETE FROM a WHERE x = 1',
      "UPDATE a SET y = 'y'",
      'UPDATE b SET y = y || x',
      'CREATE UNIQUE INDEX u ON a (y)',
      'UPDATE a SET y = y || x',
    ],
    ['MF101: makes a (y) unique'],
  ],
  ['a unique index on what was not', ['CREATE UNIQUE INDEX u ON a (y, x)'], ['MF101: makes a (y, x) unique']],
  ['a unique index on an expression', ['CREATE UNIQUE INDEX u ON a (lower(x))'], ['MF101: makes a (lower(x)) unique']],
  [
    'a UNIQUE by a rebuild',
    rebuild('id INTEGER PRIMARY KEY, x UNIQUE, z UNIQUE', 'id, x, z'),
    ['MF101: makes a (x) unique'],
  ],
  [
    'another primary key by a rebuild',
    rebuild('id, x, y, z UNIQUE, PRIMARY KEY (x, y)', 'id, x, y, z'),
    ['MF101: makes a (x, y) unique'],
  ],
  [
    'an index that becomes unique',
    ['DROP INDEX i', 'CREATE UNIQUE INDEX i ON a (x)'],
    ['MF102: makes the index i unique'],
  ],
  ['what was unique before', ['CREATE UNIQUE INDEX u ON a (z)', 'CREATE UNIQUE INDEX v ON a (id)'], []],
  [
    'what was unique before, under another name',
    ['ALTER TABLE a RENAME COLUMN z TO w', 'CREATE UNIQUE INDEX u ON a (w)'],
    [],
  ],
  [
    'an index of some rows that becomes one of all',
    ['DROP INDEX some', 'CREATE UNIQUE INDEX some ON b (y)'],
    ['MF101: makes b (y) unique'],
  ],
  [
    'a unique index for which more values are alike',
    ['CREATE UNIQUE INDEX u ON a (z COLLATE NOCASE)'],
    ['MF101: makes a (z COLLATE NOCASE) unique'],
  ],
  [
    'a computed column that is stored, which an empty table takes',
    ['CREATE TABLE c (x)', 'ALTER TABLE a ADD COLUMN w AS (x) STORED'],
    ['HM301: adds the stored column a.w'],
  ],
  [
    'another primary key that lets in what the one before did',
    rebuild('id, x, z UNIQUE, PRIMARY KEY (x, id)', 'id, x, z'),
    [],
  ],
  ['a column that is new', ['ALTER TABLE a ADD COLUMN w', 'CREATE UNIQUE INDEX u ON a (w)'], []],
  ['a dropped table', ['DROP TABLE a'], []],
])

/** What makes rows of the table that SQL makes unique. */
const read = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(sql)
  const { tables } = readSchema(connection)
  connection.close()
  return tables.flatMap(uniquesOf)
}

t.test('unique indexes, UNIQUE and the primary key are told, and others are not', async t => {
  const made = `CREATE TABLE a (x TEXT COLLATE NOCASE, y UNIQUE, z, PRIMARY KEY (x, y)); CREATE INDEX i ON a (z);
    CREATE UNIQUE INDEX u ON a (z DESC, lower(x)) WHERE z > 0`
  t.strictSame(read(made).map(describeUnique), ['(y)', '(z, lower(x)) WHERE z > 0', '(x COLLATE NOCASE, y)'])
  t.strictSame(read('CREATE TABLE a (x)'), [])
})

for (const [title, strict, other, expected] of [
  ['is as strict as itself', '(x, y)', '(y, x)', true],
  ['of fewer columns is stricter', '(x)', '(x, y)', true],
  ['of more columns is not', '(x, y)', '(x)', false],
  ['of all rows is stricter than of some', '(x)', '(x) WHERE y > 0', true],
  ['of some rows is not than of all', '(x) WHERE y > 0', '(x)', false],
  ['of the same rows is as strict', '(x) WHERE y > 0', '(x, y) WHERE Y>0', true],
  ['of other rows is not', '(x) WHERE y > 0', '(x) WHERE y > 1', false],
  ['by NOCASE is stricter than by BINARY', '(x COLLATE NOCASE)', '(x)', true],
  ['by BINARY is not than by NOCASE', '(x)', '(x COLLATE NOCASE)', false],
] as const)
  t.test(`a unique index ${title}`, async t => {
    const [first, second] = read(
      `CREATE TABLE a (x, y); CREATE UNIQUE INDEX i ON a ${strict}; CREATE UNIQUE INDEX j ON a ${other}`,
    )
    t.equal(first && second && implies(first, second), expected)
  })

import Database from 'better-sqlite3'
import t from 'tap'
import { lineagesOf } from '../../src/dry-run/lineage.ts'
import { findLossy, findNotCopied, findPick, findRebuilds, lostParts } from '../../src/lint/rebuilds.ts'
import { readSchema } from '../../src/sqlite/schema/read.ts'
import { testAnalyzer } from '../help/analyzed.ts'
import { recordStatements } from '../help/recorded.ts'

const made = 'CREATE TABLE p (id INTEGER PRIMARY KEY, t VARCHAR(9), b, i BIGINT, n DECIMAL, r DOUBLE, g TEXT AS (id))'
const rebuild = (columns: string) => [
  `CREATE TABLE p2 (id INTEGER PRIMARY KEY, ${columns})`,
  'INSERT INTO p2 SELECT id, t, b, i, n, r FROM p',
  'DROP TABLE p',
  'ALTER TABLE p2 RENAME TO p',
]

testAnalyzer(t, made, ({ lineages }) => findLossy(lineages), [
  [
    'texts, and what has no type, that become numbers',
    rebuild('t INTEGER, b REAL, i INTEGER, n NUMERIC, r REAL'),
    ['HM106: changes the type of p.t from TEXT to INTEGER', 'HM106: changes the type of p.b from BLOB to REAL'],
  ],
  [
    'numbers whose last digits go',
    rebuild('t TEXT, b TEXT, i REAL, n REAL, r TEXT'),
    [
      'HM106: changes the type of p.b from BLOB to TEXT',
      'HM106: changes the type of p.i from INTEGER to REAL',
      'HM106: changes the type of p.n from NUMERIC to REAL',
      'HM106: changes the type of p.r from REAL to TEXT',
    ],
  ],
  ['what keeps each value as it is', rebuild('t BLOB, b, i TEXT, n INTEGER, r NUMERIC'), []],
  [
    'the column may have another name by then',
    [...rebuild('t INTEGER, b, i INTEGER, n NUMERIC, r REAL'), 'ALTER TABLE p RENAME COLUMN t TO u'],
    ['HM106: changes the type of p.t from TEXT to INTEGER'],
  ],
  [
    'a column that is computed has no values of its own',
    rebuild('t TEXT, b, i INTEGER, n NUMERIC, r REAL, g INTEGER AS (id)'),
    [],
  ],
  ['a column that is new', ['ALTER TABLE p DROP COLUMN t', 'ALTER TABLE p ADD COLUMN t INTEGER'], []],
])

const structureOf = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE p (id INTEGER PRIMARY KEY); ${sql}`)
  const structure = readSchema(connection)
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

const columns = 'id INTEGER PRIMARY KEY, b TEXT, "c d" TEXT, twice AS (id * 2)'
const madeNotCopied = `CREATE TABLE p (${columns}); CREATE TABLE other (id, b)`
const make = `CREATE TABLE p2 (${columns})`
const put = ['DROP TABLE p', 'ALTER TABLE p2 RENAME TO p']
const not = (...names: readonly string[]) => names.map(name => `HM105: rebuilds p and does not copy p.${name}`)
const rebuilt = (...statements: readonly string[]) => [make, ...statements, ...put]

testAnalyzer(t, madeNotCopied, ({ lineages }) => findNotCopied(lineages), [
  ['columns that the INSERT does not name', rebuilt('INSERT INTO p2 (id) SELECT id FROM p'), not('b', 'c d')],
  ['a column that is filled with a constant', rebuilt(`INSERT INTO p2 SELECT id, 'b', "c d" FROM p`), not('b')],
  [
    'also where that gets the name of the column',
    rebuilt(`INSERT INTO p2 SELECT id, 'b' AS b, NULL "c d" FROM p`),
    not('b', 'c d'),
  ],
  ['also out of something else', rebuilt(`INSERT INTO p2 SELECT id, upper("c d") b, p."c d" FROM p`), not('b')],
  [
    'also by another number of columns than the table has',
    rebuilt('INSERT INTO p2 (id, "c d") SELECT id, b FROM p'),
    not('b', 'c d'),
  ],
  ['a key that SQLite numbers anew', rebuilt('INSERT INTO p2 (b, "c d") SELECT b, "c d" FROM p'), not('id')],
  ['the rowid is that key', rebuilt('INSERT INTO p2 (rowid, b, "c d") SELECT _rowid_, b, "c d" FROM p'), []],
  [
    'expressions that the column is in',
    rebuilt(`INSERT INTO p2 SELECT p.id, coalesce(b, '') AS b, lower("p"."c d") FROM main.p`),
    [],
  ],
  ['names in any case', rebuilt('INSERT INTO P2 (ID, B, [C D]) SELECT Id, P.B, `C d` FROM P'), []],
  [
    'two that copy half of the columns each',
    rebuilt(
      'INSERT INTO p2 (id) SELECT id FROM p',
      'UPDATE p2 SET (b, "c d") = (SELECT b, "c d" FROM p WHERE p.id = p2.id)',
    ),
    [],
  ],
  [
    'an update that forgets one',
    rebuilt('INSERT INTO p2 (id) SELECT id FROM p', 'UPDATE p2 SET b = (SELECT b FROM p WHERE p.id = p2.id)'),
    not('c d'),
  ],
  [
    'a text that does not tell what comes from where',
    rebuilt('WITH n AS (SELECT id, b, "c d" FROM p) INSERT INTO p2 SELECT n.* FROM n'),
    [],
  ],
  [
    'all columns of a table that has other ones',
    ['CREATE TABLE p2 (id INTEGER PRIMARY KEY, "c d", b, twice)', 'INSERT INTO p2 SELECT * FROM p', ...put],
    not('b', 'c d'),
  ],
  [
    'all columns of a table that has the same ones',
    ['CREATE TABLE p2 (id INTEGER PRIMARY KEY, b, "c d", twice)', 'INSERT INTO p2 SELECT p.* FROM p', ...put],
    [],
  ],
  [
    'a column that goes is another finding',
    ['CREATE TABLE p2 (id INTEGER PRIMARY KEY)', 'INSERT INTO p2 SELECT id FROM p', ...put],
    [],
  ],
  [
    'a column that went before, and one under another name',
    [
      'ALTER TABLE p DROP COLUMN b',
      'ALTER TABLE p RENAME COLUMN "c d" TO e',
      'CREATE TABLE p2 (id INTEGER PRIMARY KEY, b, e)',
      'INSERT INTO p2 SELECT id, id, id FROM p',
      ...put,
    ],
    not('c d'),
  ],
  ['a table that is made out of the rows', ['CREATE TABLE p2 AS SELECT * FROM p', ...put], []],
  [
    'rows that went through a temporary table',
    [
      'CREATE TEMP TABLE o (id, b)',
      'INSERT INTO o SELECT id, b FROM p',
      'DROP TABLE p',
      `CREATE TABLE p (${columns})`,
      'INSERT INTO p (id) SELECT id FROM o',
    ],
    not('b', 'c d'),
  ],
  ['what fills another table is no rebuild', ['INSERT INTO other (id) SELECT id FROM p'], []],
])

for (const [title, statements, expected] of [
  ['some rows', ['INSERT INTO p2 SELECT id, b, b FROM p WHERE id > 3'], true],
  ['a number of rows', ['INSERT INTO p2 SELECT id, b, b FROM p LIMIT 3'], true],
  ['all rows', ['INSERT INTO p2 SELECT id, b, b FROM p'], false],
  [
    'rows that more than one statement copies',
    ['INSERT INTO p2 SELECT id, b, b FROM p WHERE id > 3', 'INSERT INTO p2 SELECT id, b, b FROM p WHERE id <= 3'],
    false,
  ],
  [
    'an update of those that were copied',
    ['INSERT INTO p2 (id) SELECT id FROM p', 'UPDATE p2 SET b = (SELECT b FROM p WHERE p.id = p2.id) WHERE id > 3'],
    false,
  ],
] as const)
  t.test(`${title}: ${expected ? 'picked' : 'not picked'}`, async t => {
    const { before, steps } = await recordStatements(t, madeNotCopied, [make, ...statements, ...put])
    const [, p] = lineagesOf({ before, steps })
    t.equal(p && findPick(p)?.sql, expected ? statements[0] : undefined)
  })

const madeRebuilds = `CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT COLLATE NOCASE CHECK (x <> 'check'), y, z AS (y), UNIQUE (y, x));
  CREATE INDEX i ON a (y); CREATE INDEX e ON a (lower(x)); CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT 1; END;
  CREATE TABLE c (a REFERENCES a (id)); CREATE TABLE plain (x)`
const rebuildOf = (columns: string, from: string) => [
  `CREATE TABLE n (${columns})`,
  `INSERT INTO n SELECT ${from} FROM a`,
  'DROP TABLE a',
  'ALTER TABLE n RENAME TO a',
]
const whole =
  "id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT COLLATE NOCASE CHECK (x <> 'check'), y, z AS (y), UNIQUE (y, x)"
const around = [
  'CREATE INDEX i ON a (y)',
  'CREATE INDEX e ON a (lower(x))',
  'CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT 1; END',
]

testAnalyzer(t, madeRebuilds, ({ lineages, kept, after }) => findRebuilds(lineages, kept, after), [
  [
    'all that a raw rebuild loses is named',
    rebuildOf('id INTEGER PRIMARY KEY, x TEXT, y, z', 'id, x, y, z'),
    [
      "HM101: rebuilds a and loses the index e, the index i, the trigger g, AUTOINCREMENT, collation NOCASE of column a.x, computed virtual y of column a.z, CHECK (x <> 'check')",
      'HM107: rebuilds a and loses UNIQUE (y, x)',
    ],
  ],
  ['a rebuild with all its steps', [...rebuildOf(whole, 'id, x, y'), ...around], []],
  [
    'what stands on the new one under another name is kept',
    [...rebuildOf(whole, 'id, x, y'), 'CREATE INDEX other ON a (y)', ...around.slice(1)],
    [],
  ],
  [
    'what was dropped by a statement of its own is meant',
    ['DROP INDEX i', 'DROP TRIGGER g', ...rebuildOf(whole, 'id, x, y'), ...around.slice(1, 2)],
    [],
  ],
  [
    'an index goes with its column, which is another finding',
    [
      ...rebuildOf("id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT COLLATE NOCASE CHECK (x <> 'check')", 'id, x'),
      ...around.slice(1),
    ],
    [],
  ],
  ['a change by ALTER TABLE is no rebuild', ['ALTER TABLE a ADD COLUMN w', 'ALTER TABLE plain RENAME TO other'], []],
  [
    'a table that others refer to, renamed away',
    [
      'ALTER TABLE a RENAME TO o',
      `CREATE TABLE a (${whole})`,
      'INSERT INTO a SELECT id, x, y FROM o',
      'DROP TABLE o',
      ...around,
    ],
    ['HM102: renames a to o, and the foreign keys of c follow it'],
  ],
  [
    'a table that nobody refers to may be renamed away',
    ['ALTER TABLE plain RENAME TO o', 'CREATE TABLE plain (x)', 'INSERT INTO plain SELECT x FROM o', 'DROP TABLE o'],
    [],
  ],
  ['a table that is only renamed', ['ALTER TABLE a RENAME TO o'], []],
  [
    'foreign keys that do not follow',
    [
      'PRAGMA legacy_alter_table = ON',
      'ALTER TABLE a RENAME TO o',
      `CREATE TABLE a (${whole})`,
      'INSERT INTO a SELECT id, x, y FROM o',
      'DROP TABLE o',
      ...around,
    ],
    [],
  ],
])

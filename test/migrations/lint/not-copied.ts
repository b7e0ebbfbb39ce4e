import t from 'tap'
import { fatesOf } from '../../../src/migrations/fates.ts'
import { findNotCopied, findPick } from '../../../src/migrations/lint/not-copied.ts'
import { testAnalyzer } from '../../help/analyzed.ts'
import { recordStatements } from '../../help/recorded.ts'

const columns = 'id INTEGER PRIMARY KEY, b TEXT, "c d" TEXT, twice AS (id * 2)'
const made = `CREATE TABLE p (${columns}); CREATE TABLE other (id, b)`
const make = `CREATE TABLE p2 (${columns})`
const put = ['DROP TABLE p', 'ALTER TABLE p2 RENAME TO p']
const not = (...names: readonly string[]) => names.map(name => `HM105: rebuilds p and does not copy p.${name}`)
const rebuilt = (...statements: readonly string[]) => [make, ...statements, ...put]

testAnalyzer(t, made, ({ fates }) => findNotCopied(fates), [
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
    const { before, steps } = await recordStatements(t, made, [make, ...statements, ...put])
    const [, p] = fatesOf({ before, steps })
    t.equal(p && findPick(p)?.sql, expected ? statements[0] : undefined)
  })

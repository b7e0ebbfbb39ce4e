import t, { type Test } from 'tap'
import { lineagesOf } from '../../src/dry-run/lineage.ts'
import { afterOf, type Recording, withoutUndone } from '../../src/dry-run/record.ts'
import { findDeletes, findDown, findEmptied, findKeyActions } from '../../src/lint/down.ts'
import { testAnalyzer } from '../help/analyzed.ts'
import { recordStatements } from '../help/recorded.ts'

const made = 'CREATE TABLE a (x, y); CREATE TABLE b (x); CREATE TRIGGER g AFTER INSERT ON b BEGIN SELECT 1; END'

/** The second recording begins where the first one ended. */
const runBoth = async (t: Pick<Test, 'teardown'>, up: readonly string[], down: readonly string[]) => {
  const whole = await recordStatements(t, made, [...up, 'PRAGMA user_version = 1', ...down])
  const border = whole.steps.findIndex(({ sql }) => sql === 'PRAGMA user_version = 1')
  const first: Recording = { before: whole.before, steps: whole.steps.slice(0, border) }
  return findDown(first, { before: afterOf(first), steps: whole.steps.slice(border + 1) }).map(
    ({ code, message }) => `${code}: ${message}`,
  )
}

for (const [title, up, down, expected] of [
  [
    'a down that undoes',
    ['CREATE TABLE c (x)', 'ALTER TABLE a ADD COLUMN z', 'CREATE INDEX i ON a (x)'],
    ['DROP TABLE c', 'DROP INDEX i', 'ALTER TABLE a DROP COLUMN z'],
    [],
  ],
  [
    'a down that renames back',
    ['ALTER TABLE a RENAME TO c', 'ALTER TABLE c RENAME COLUMN x TO w'],
    ['ALTER TABLE c RENAME COLUMN w TO x', 'ALTER TABLE c RENAME TO a'],
    [],
  ],
  ['another order of columns', ['ALTER TABLE a DROP COLUMN x'], ['ALTER TABLE a ADD COLUMN x'], []],
  [
    'rows that up copied, and that are still where they were',
    ['CREATE TABLE c (x)', 'INSERT INTO c SELECT x FROM a'],
    ['DROP TABLE c'],
    [],
  ],
  [
    'a down that drops what was there',
    ['CREATE TABLE c (x)'],
    ['DROP TABLE a'],
    ['HM401: drops the table a, which has rows from before up'],
  ],
  [
    'a down that drops what up only renamed',
    ['ALTER TABLE a RENAME TO c'],
    ['DROP TABLE c', 'CREATE TABLE a (x, y)'],
    ['HM401: drops the table c, which has rows from before up'],
  ],
  [
    'a down that drops where up had moved rows',
    ['CREATE TABLE c (x, y)', 'INSERT INTO c SELECT * FROM a', 'DROP TABLE a'],
    ['DROP TABLE c', 'CREATE TABLE a (x, y)'],
    ['HM401: drops the table c, which has rows from before up'],
  ],
  [
    'also where up made the table out of the rows',
    ['CREATE TABLE c AS SELECT * FROM a', 'DROP TABLE a'],
    ['DROP TABLE c', 'CREATE TABLE a (x, y)'],
    ['HM401: drops the table c, which has rows from before up'],
  ],
  [
    'a down that drops a column that was there',
    ['ALTER TABLE a RENAME COLUMN x TO w', 'ALTER TABLE a ADD COLUMN z'],
    ['ALTER TABLE a DROP COLUMN w', 'ALTER TABLE a DROP COLUMN z', 'ALTER TABLE a ADD COLUMN x'],
    ['HM401: drops the column a.w, which has values from before up'],
  ],
  [
    'a down that leaves out a column in a rebuild',
    [],
    ['CREATE TABLE n (x)', 'INSERT INTO n SELECT x FROM a', 'DROP TABLE a', 'ALTER TABLE n RENAME TO a'],
    ['HM401: drops the column a.y, which has values from before up'],
  ],
  [
    'a down that forgets',
    ['CREATE TABLE c (x)'],
    [],
    ['HM402: does not restore the structure from before up: table c is extra'],
  ],
  [
    'a down that forgets much',
    ['CREATE TABLE c (x)', 'CREATE TABLE d (x)', 'CREATE TABLE e (x)', 'DROP TABLE b'],
    ['CREATE INDEX i ON a (x)'],
    [
      'HM402: does not restore the structure from before up: index i on a is extra, table b is missing, table c is extra, and 3 more',
    ],
  ],
  [
    'a down that forgets what no column tells of',
    [
      'DROP TRIGGER g',
      "CREATE TRIGGER g AFTER INSERT ON b BEGIN SELECT 'up'; END",
      'ALTER TABLE b ADD CONSTRAINT k CHECK (x > 0)',
    ],
    [],
    [
      'HM402: does not restore the structure from before up: table b has a different CHECK, trigger g has a different definition',
    ],
  ],
  [
    'a down that deletes rows',
    ['CREATE TABLE c (x)'],
    ['DROP TABLE c', 'DELETE FROM a'],
    ['HM401: deletes rows of a, which may be from before up'],
  ],
] as const)
  t.test(title, async t => t.strictSame(await runBoth(t, up, down), expected))

const madeEmptied = 'CREATE TABLE a (x, y); CREATE TABLE b (x NOT NULL)'

const rebuild = (table: string, rows: string) => [
  'CREATE TABLE n (x, y)',
  `INSERT INTO n (x) SELECT x FROM ${table} ${rows}`,
  `DROP TABLE ${table}`,
  `ALTER TABLE n RENAME TO ${table}`,
]

const family = `CREATE TABLE p (id TEXT PRIMARY KEY, x); CREATE TABLE gone (p REFERENCES P ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE TABLE said (p REFERENCES p ON DELETE CASCADE); CREATE TABLE kept (p REFERENCES p (id) ON DELETE SET NULL);
  CREATE TABLE plain (p REFERENCES p)`

testAnalyzer(t, family, ({ lineages, kept }) => findKeyActions(lineages, kept, ['SAID']), [
  [
    'rows of a parent that go take others with them, or change them',
    ["DELETE FROM main.P WHERE id = 'a'"],
    [
      'HM203: deletes rows of gone, by ON DELETE CASCADE of its foreign key (p) to P',
      'HM204: changes rows of kept, by ON DELETE SET NULL of its foreign key (p) to p',
    ],
  ],
  [
    'a key that changes does so',
    ["UPDATE p SET ID = 'b'"],
    ['HM204: changes rows of gone, by ON UPDATE CASCADE of its foreign key (p) to P'],
  ],
  [
    'other columns, rows that come and tables of its own set off nothing',
    [
      'UPDATE p SET x = 1',
      "INSERT INTO p VALUES ('c', 1)",
      'DELETE FROM plain',
      'CREATE TABLE q (id PRIMARY KEY)',
      'CREATE TABLE r (q REFERENCES q ON DELETE CASCADE)',
      'DELETE FROM q',
    ],
    [],
  ],
])

testAnalyzer(t, madeEmptied, ({ lineages, kept }) => findDeletes(lineages, kept, ['b']), [
  ['a table whose rows go is told', ['DELETE FROM a WHERE x > 1', 'DELETE FROM a'], ['HM203: deletes rows of a']],
  [
    'also under the name that the migration gave it',
    ['ALTER TABLE a RENAME TO c', 'DELETE FROM c'],
    ['HM203: deletes rows of a'],
  ],
  ['where it is said, it is meant', ['DELETE FROM b'], []],
  ["a migration's own table may be emptied", ['CREATE TABLE c (x)', 'DELETE FROM c'], []],
  ['a table that goes is another finding', ['DELETE FROM a', 'DROP TABLE a'], []],
  ['a rebuild that copies some rows', rebuild('a', 'WHERE x > 1'), ['HM203: does not copy all rows of a']],
  ['a rebuild that is said to do so, and one that copies all', [...rebuild('b', 'LIMIT 9'), ...rebuild('a', '')], []],
  ['rows that others may replace', ['REPLACE INTO a VALUES (1, 2)'], ['HM203: may replace rows of a']],
  [
    'also by other statements, and once',
    ['UPDATE OR REPLACE a SET x = 1', 'INSERT OR REPLACE INTO a SELECT 1, 2', 'REPLACE INTO b VALUES (1)'],
    ['HM203: may replace rows of a'],
  ],
  [
    "a migration's own rows may be replaced",
    ['CREATE TABLE c (x)', 'REPLACE INTO c VALUES (1)', "INSERT INTO a SELECT 'REPLACE', 1"],
    [],
  ],
  ['other changes delete nothing', ['UPDATE a SET x = NULL', 'INSERT INTO a VALUES (1, 2)'], []],
])

/** The second recording begins where the first one ended. */
const emptied = async (t: Pick<Test, 'teardown'>, ups: readonly string[], downs: readonly string[]) => {
  const whole = await recordStatements(t, madeEmptied, [...ups, 'PRAGMA user_version = 1', ...downs])
  const border = whole.steps.findIndex(({ sql }) => sql === 'PRAGMA user_version = 1')
  const up: Recording = { before: whole.before, steps: whole.steps.slice(0, border) }
  const down: Recording = { before: afterOf(up), steps: whole.steps.slice(border + 1) }
  return findEmptied(lineagesOf(up), up, lineagesOf(down), withoutUndone(down.steps)).map(
    ({ code, message }) => `${code}: ${message}`,
  )
}

const fromBefore = 'HM401: deletes rows of a, which may be from before up'
for (const [title, up, down, expected] of [
  ['rows that a down deletes', [], ['DELETE FROM a'], [fromBefore]],
  ['of some of them, where up put none there', [], ['DELETE FROM a WHERE x > 1'], [fromBefore]],
  ['of all of them, though up put some there', ["INSERT INTO a VALUES ('up', 1)"], ['DELETE FROM a'], [fromBefore]],
  ['those that up put there may go', ["INSERT INTO a VALUES ('up', 1)"], ["DELETE FROM a WHERE x = 'up'"], []],
  ['those in a table that up made may go', ['CREATE TABLE c (x)'], ['DELETE FROM c'], []],
  [
    'a table that up renamed has rows from before',
    ['ALTER TABLE a RENAME TO c'],
    ['DELETE FROM c', 'ALTER TABLE c RENAME TO a'],
    ['HM401: deletes rows of c, which may be from before up'],
  ],
  ['a table that goes is another finding', [], ['DELETE FROM a', 'DROP TABLE a'], []],
  [
    'values that a down makes NULL',
    [],
    ['UPDATE a SET x = NULL'],
    ['HM401: makes a.x NULL, which has values from before up'],
  ],
  [
    'NULLs that up let in have no value from before',
    ['ALTER TABLE b ALTER COLUMN x DROP NOT NULL'],
    ["UPDATE b SET x = '' WHERE b.x IS NULL", 'ALTER TABLE b ALTER COLUMN x SET NOT NULL'],
    [],
  ],
  [
    'NULLs from before up are values too, and so are those that another condition lets in',
    ['ALTER TABLE b ALTER COLUMN x DROP NOT NULL'],
    ["UPDATE a SET x = '' WHERE x IS NULL", "UPDATE b SET x = '' WHERE x IS NULL OR x > 1"],
    [
      'HM401: writes over a.x, which has values from before up',
      'HM401: writes over b.x, which has values from before up',
    ],
  ],
  ['those of a column that up made may go', ['ALTER TABLE a ADD COLUMN z'], ['UPDATE a SET z = NULL'], []],
  [
    'those that up wrote may go',
    ["UPDATE a SET x = 'up' WHERE x IS NULL"],
    ["UPDATE a SET x = NULL WHERE x = 'up'"],
    [],
  ],
  [
    'values that a down writes over',
    [],
    ["UPDATE a SET x = 'gone', Y = x"],
    [
      'HM401: writes over a.x, which has values from before up',
      'HM401: writes over a.Y, which has values from before up',
    ],
  ],
  ['values that become others by themselves are undone', [], ["UPDATE a SET x = lower(x), y = coalesce(a.y, 'y')"], []],
  [
    'those of a column that up made may be written over',
    ['ALTER TABLE a ADD COLUMN z'],
    ["UPDATE a SET z = 'gone'"],
    [],
  ],
  [
    'a column under the name that up gave it',
    ['ALTER TABLE a RENAME COLUMN x TO w'],
    ["UPDATE a SET w = 'gone'", 'ALTER TABLE a RENAME COLUMN w TO x'],
    ['HM401: writes over a.w, which has values from before up'],
  ],
  [
    'those that up wrote may be written over',
    ["UPDATE a SET x = 'up' WHERE x = 'before'"],
    ["UPDATE a SET x = 'before' WHERE x = 'up'"],
    [],
  ],
  ['a column that up wrote over has nothing from before', ["UPDATE a SET X = 'up'"], ["UPDATE a SET x = 'before'"], []],
  [
    'other than where up kept what was there, or wrote another one',
    ["UPDATE a SET x = x || 'up', y = 'up'", "INSERT INTO a (x) SELECT 'up' FROM b"],
    ["UPDATE a SET x = 'before'"],
    ['HM401: writes over a.x, which has values from before up'],
  ],
  [
    'what up kept in a column of its own may come back',
    ['ALTER TABLE a ADD COLUMN kept', 'UPDATE a SET kept = x', 'UPDATE a SET x = 1 WHERE x > 1'],
    ['UPDATE a SET x = kept', 'ALTER TABLE a DROP COLUMN kept'],
    [],
  ],
  [
    'rows that a rebuild leaves out',
    [],
    rebuild('a', 'WHERE x > 1'),
    ['HM401: leaves out rows of a, which may be from before up'],
  ],
  ['those that up put there may be left out', ["INSERT INTO a VALUES ('up', 1)"], rebuild('a', "WHERE x <> 'up'"), []],
  ['what comes loses nothing', [], ['INSERT INTO a (x, y) SELECT NULL, x FROM b'], []],
] as const)
  t.test(title, async t => t.strictSame(await emptied(t, up, down), expected))

import t, { type Test } from 'tap'
import { findDown } from '../../../src/migrations/lint/down.ts'
import { afterOf, type Recording } from '../../../src/migrations/recorder.ts'
import { recordStatements } from '../../help/recorded.ts'

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
    ['HM402: leaves another structure than before up: table c is extra'],
  ],
  [
    'a down that forgets much',
    ['CREATE TABLE c (x)', 'CREATE TABLE d (x)', 'CREATE TABLE e (x)', 'DROP TABLE b'],
    ['CREATE INDEX i ON a (x)'],
    [
      'HM402: leaves another structure than before up: index i on a is extra, table b is missing, table c is extra, and 3 more',
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
    ['HM402: leaves another structure than before up: table b has another CHECK, trigger g has another definition'],
  ],
  [
    'a down that deletes rows',
    ['CREATE TABLE c (x)'],
    ['DROP TABLE c', 'DELETE FROM a'],
    ['HM401: deletes rows of a, which may be from before up'],
  ],
] as const)
  t.test(title, async t => t.strictSame(await runBoth(t, up, down), expected))

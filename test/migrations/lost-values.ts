import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { nothing } from '../../src/database/around.ts'
import { countValues } from '../../src/migrations/count-values.ts'
import { lostValues } from '../../src/migrations/lost-values.ts'
import { afterOf, createRecorder } from '../../src/migrations/recorder.ts'

/** What statements lose of a table with two values in x and one in y, in sentences. */
const lostBy = (t: Pick<Test, 'teardown'>, statements: readonly string[], gone = 0) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec("CREATE TABLE a (x, y); INSERT INTO a VALUES ('x', 'y'), ('x', NULL)")
  const { around, record } = createRecorder(connection, () => false)
  const recording = record()
  const before = countValues(connection, recording.before)
  for (const sql of statements)
    around({ sql, bound: [] }, () => {
      connection.exec(sql)
      return { ...nothing, sql }
    })
  const after = countValues(connection, afterOf(recording))
  return lostValues(recording, before, after, () => gone).map(({ of, number, text }) => `${of} ${number}: ${text}`)
}

for (const [title, statements, gone, expected] of [
  ['values that are made NULL', ['UPDATE a SET x = NULL'], 0, ['a.x 2: a.x had 2 values and has 0 after it']],
  ['a column that goes', ['ALTER TABLE a DROP COLUMN y'], 0, ['a.y 1: a.y had 1 value and has 0 after it']],
  [
    'values under other names are the same',
    ['ALTER TABLE a RENAME TO b', 'ALTER TABLE b RENAME COLUMN x TO z', 'UPDATE b SET y = NULL'],
    0,
    ['a.y 1: a.y had 1 value and has 0 after it'],
  ],
  ['values that go with their rows', ['DELETE FROM a WHERE y IS NULL'], 1, []],
  [
    'a table in whose place is another one, with rows of its own',
    ['DROP TABLE a', 'CREATE TABLE a (x, y)', 'INSERT INTO a VALUES (1, 2), (3, 4)'],
    0,
    ['a.x 2: a.x had 2 values and has 0 after it', 'a.y 1: a.y had 1 value and has 0 after it'],
  ],
  ['a table that goes with its rows', ['DROP TABLE a'], 2, []],
  ['what comes is no loss', ["UPDATE a SET y = 'y'", 'ALTER TABLE a ADD COLUMN z'], 0, []],
] as const)
  t.test(title, async t => t.strictSame(lostBy(t, statements, gone), expected))

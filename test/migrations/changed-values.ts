/** test/migrations/revert.ts has the cases, by `down` of a migration. */
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { nothing } from '../../src/database/around.ts'
import { watchDropped } from '../../src/migrations/changed-values.ts'
import { countValues } from '../../src/migrations/count-values.ts'
import { createRecorder } from '../../src/migrations/recorder.ts'

const columns = 'id INTEGER PRIMARY KEY, "x y" TEXT, twice AS (id * 2)'

/** What changed by statements, of which those that `isSeen` are told before they run. */
const changedBy = (t: Pick<Test, 'teardown'>, statements: readonly string[], isSeen = true) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(`CREATE TABLE "a.b" (${columns}); INSERT INTO "a.b" VALUES (1, 'x'), (2, NULL), (3, 'y')`)
  const { around, record } = createRecorder(connection, () => false)
  const recording = record()
  const values = countValues(connection, recording.before)
  const { beforeStatement, changed } = watchDropped(connection)
  for (const sql of statements) {
    if (isSeen) beforeStatement(sql, recording)
    around({ sql, bound: [] }, () => {
      connection.exec(sql)
      return { ...nothing, sql }
    })
  }
  return changed(recording, values)
}
const rebuild = (select: string) => [
  `CREATE TABLE n (${columns})`,
  `INSERT INTO n SELECT ${select} FROM "a.b"`,
  'DROP TABLE "main"."a.b";',
  'ALTER TABLE n RENAME TO "a.b"',
]

t.test('a column that a rebuild fills otherwise is told, with how many values it had', async t => {
  t.strictSame(changedBy(t, rebuild(`id, upper("x y")`)), [
    { of: 'a.b.x y', number: 2, text: 'a.b.x y had 2 values and has not the same after it' },
  ])
})

t.test('what is as it was is not told, nor a table that is no other one', async t => {
  t.strictSame(changedBy(t, rebuild('id, "x y"')), [])
  t.strictSame(changedBy(t, ['ALTER TABLE "a.b" RENAME TO c', 'UPDATE c SET "x y" = 7', 'DROP TABLE c']), [])
})

t.test('where it was not seen what a table held, all of it is told', async t => {
  t.match(changedBy(t, rebuild('id, "x y"'), false), [{ of: 'a.b.id', number: 3 }, { of: 'a.b.x y' }])
})

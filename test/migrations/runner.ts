import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Around } from '../../src/database/around.ts'
import { openDatabase } from '../../src/database/open.ts'
import { readSchema } from '../../src/database/schema.ts'
import { prepareHistory, readHistory } from '../../src/migrations/history.ts'
import { readMigrations } from '../../src/migrations/known.ts'
import { type LoadedMigration, loadMigrations } from '../../src/migrations/load.ts'
import { type Applied, createRunner } from '../../src/migrations/runner.ts'
import { root } from '../help/program.ts'

const open = (t: Pick<Test, 'testdir' | 'teardown'>, migrations: readonly LoadedMigration[]) => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  t.teardown(() => connection.close())
  prepareHistory(connection, migrations)
  const applied: Applied[] = []
  let refuses = false
  const around: Around = (_asked, execute) => {
    if (refuses) throw new Error('refused')
    return execute()
  }
  const refuse = () => {
    refuses = true
  }
  const onApplied = (migration: Applied) => void applied.push(migration)
  const runner = createRunner(connection, migrations, {
    version: '1.2.3',
    around,
    onApplied,
    onProgress: () => undefined,
  })
  return { connection, refuse, applied, runner }
}
const ofTheImage = () => loadMigrations(readMigrations(join(root, 'migrations')))

t.test('every migration of the image: up, down, and up again give the same schema', async t => {
  const { connection, applied, runner } = open(t, await ofTheImage())
  await runner.up()
  const schema = readSchema(connection)
  t.equal(applied.length, 3)
  t.equal(schema.length, 4, 'the history, two tables and an index')
  await runner.down({ to: 0 })
  t.match(readSchema(connection), [{ name: 'SequelizeMeta' }])
  t.strictSame(readHistory(connection), [])
  await runner.up()
  t.strictSame(readSchema(connection), schema)
})

t.test('one step down takes one back, with its record', async t => {
  const { connection, runner } = open(t, await ofTheImage())
  await runner.up()
  await runner.down()
  t.strictSame(
    readHistory(connection).map(({ name }) => name),
    ['0001-create-servers', '0002-create-metrics'],
  )
})

t.test('a migration without down is not called reverted', async t => {
  const [first] = await ofTheImage()
  if (first === undefined) throw new Error('no migration')
  const { connection, runner } = open(t, [{ ...first, down: undefined }])
  await runner.up()
  await t.rejects(runner.down(), { message: /0001-create-servers.*it has no down/ })
  t.match(readHistory(connection), [{ name: '0001-create-servers', migrator: '1.2.3', duration_ms: Number }])
})

t.test('what stands around statements can refuse them', async t => {
  const { connection, refuse, runner } = open(t, await ofTheImage())
  refuse()
  await t.rejects(runner.up(), { message: /refused/ })
  t.strictSame(readHistory(connection), [])
})

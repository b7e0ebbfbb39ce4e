import Database from 'better-sqlite3'
import t from 'tap'
import { plainly } from '../../src/database/around.ts'
import type { Loss } from '../../src/migrations/guard.ts'
import { createGuardedRunner, lostData } from '../../src/migrations/guarded-runner.ts'
import type { LoadedMigration } from '../../src/migrations/load.ts'

const signal = new AbortController().signal
const options = { version: '1.2.3', signal, settleLimit: 60, onProgress: () => undefined, around: plainly }
const migration: LoadedMigration = {
  ...{ name: '0001-a', file: '/m/0001-a.ts', checksum: 'sha256:a', removesRows: [] },
  up: ({ context }) => context.sequelize.query('DELETE FROM kept'),
  down: ({ context }) => context.sequelize.query("INSERT INTO kept VALUES ('back')"),
}

t.test('in both directions it is told what each migration lost', async t => {
  const connection = new Database(':memory:')
  connection.exec("CREATE TABLE kept (x); INSERT INTO kept VALUES ('here')")
  const told: (readonly Loss[])[] = []
  const applied: string[] = []
  const runner = createGuardedRunner(
    connection,
    [migration],
    options,
    (_, losses) => told.push(losses),
    ({ name }) => applied.push(name),
  )
  await runner.up()
  await runner.down(['0001-a'])
  t.match(told, [[{ table: 'kept', text: /had 1 rows and has 0/ }], []])
  t.strictSame(told[1], [])
  t.strictSame(applied, ['0001-a'])
  connection.close()
})

t.test('what is thrown there is thrown on', async t => {
  const connection = new Database(':memory:')
  connection.exec("CREATE TABLE kept (x); INSERT INTO kept VALUES ('here')")
  const refuse = (_: LoadedMigration, losses: readonly Loss[]) => {
    throw lostData('0001-a', losses, 'hint')
  }
  const runner = createGuardedRunner(connection, [migration], options, refuse, () => undefined)
  await t.rejects(runner.up(), {
    code: 'MIGRATION_FAILED',
    message: 'migration 0001-a lost data: kept had 1 rows and has 0 after it',
  })
  connection.close()
})

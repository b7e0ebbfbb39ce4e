import t from 'tap'
import { findStatements, isRefused } from '../../../src/migrations/lint/statements.ts'
import { recordStatements } from '../../help/recorded.ts'

const find = async (t: Parameters<typeof recordStatements>[0], sql: string) =>
  findStatements((await recordStatements(t, 'CREATE TABLE a (x)', [sql])).steps).map(
    ({ code, message }) => `${code}: ${message}`,
  )

for (const sql of ['COMMIT', 'END', 'ROLLBACK', 'DETACH other', 'VACUUM', '-- why\ncommit', 'PRAGMA nonsense('])
  t.test(`${JSON.stringify(sql)} is a statement that is refused`, async t => {
    t.strictSame(await find(t, sql), [`HM201: runs ${sql}`])
    t.equal(isRefused(sql), true)
  })

for (const sql of ['PRAGMA cache_size = 100', 'pragma recursive_triggers(1)'])
  t.test(`"${sql}" sets what does not last`, async t => t.strictSame(await find(t, sql), [`HM202: sets ${sql}`]))

for (const sql of [
  'PRAGMA user_version = 7',
  'PRAGMA main.application_id = 7',
  'PRAGMA legacy_alter_table = ON',
  'PRAGMA table_info(a)',
])
  t.test(`"${sql}" is let be`, async t => t.strictSame(await find(t, sql), []))

t.test('a transaction of the migration, and a statement that fails for another reason, are let be', async t => {
  const { steps } = await recordStatements(t, '', ['BEGIN', 'COMMIT', 'BEGIN', 'ROLLBACK', 'DROP TABLE none'])
  t.strictSame(findStatements(steps), [])
  t.equal(isRefused('DROP TABLE none'), false)
})

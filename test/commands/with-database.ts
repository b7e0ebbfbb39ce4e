import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { withDatabase } from '../../src/commands/with-database.ts'
import { makeContext } from '../help/context.ts'

t.test('the work has the database alone, in one transaction, which is kept; or undone where it throws', async t => {
  const folder = t.testdir()
  const [file, context] = [join(folder, 'x.db'), await makeContext(folder)]
  const other = new Database(file, { timeout: 0 })
  t.equal(
    await withDatabase(context, file, async connection => {
      connection.exec('CREATE TABLE a (x)')
      t.throws(() => other.exec('BEGIN IMMEDIATE'), { code: 'SQLITE_BUSY' })
      return 'done'
    }),
    'done',
  )
  const failing = withDatabase(context, file, async connection => {
    connection.exec('CREATE TABLE b (x)')
    throw new Error('out of luck')
  })
  await t.rejects(failing, { message: 'out of luck' })
  t.strictSame(other.prepare('SELECT name FROM sqlite_schema').pluck().all(), ['a'])
  other.close()
})

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { checkOf, distrustLocks, helperOf, tryVolume, withDatabase } from '../../src/sqlite/sqlite.ts'
import { parseMounts } from '../../src/volume/mounts.ts'
import { makeContext } from '../help/context.ts'

t.test('a helper is started by the same words, and stopped by the same signal', async t => {
  const context = await makeContext('/nowhere')
  const helper = helperOf(context)
  t.equal(helper.command, context.command)
  t.equal(helper.signal, context.signal)
  helper.onProgress('checking', 1, 2)
})

t.test('MIGRATOR_CHECK=always reads the indexes too', async t => {
  t.equal(checkOf((await makeContext('/nowhere')).config), 'quick_check')
  t.equal(checkOf((await makeContext('/nowhere', { MIGRATOR_CHECK: 'always' })).config), 'integrity_check')
})

/** A context in a folder that the mount table says is on this filesystem, and its database. */
const prepare = async (folder: string, filesystem: string) => {
  const connection = openDatabase(join(folder, 'homelab.db'))
  connection.exec('CREATE TABLE a (x)')
  const context = await makeContext(folder)
  const warnings: string[] = []
  const warn = (event: string, message: string) => warnings.push(`${event}: ${message}`)
  const mounts = parseMounts(`1 0 0:1 / ${folder} rw - ${filesystem} source rw`)
  const on = { ...context, log: { ...context.log, warn }, host: { ...context.host, mounts } }
  return { context: on, connection, warnings }
}

t.test('what is tried out leaves nothing behind, and on a local disk no word', async t => {
  const folder = t.testdir()
  const { context, connection, warnings } = await prepare(folder, 'ext4')
  await tryVolume(context, connection)
  t.strictSame(readdirSync(folder), ['homelab.db'])
  t.strictSame(warnings, [])
  connection.close()
})

t.test('a folder for the ready marker that is not there is refused', async t => {
  const folder = t.testdir()
  const { context, connection } = await prepare(folder, 'ext4')
  const config = { ...context.config, readyFile: '/proc/none/.ready' }
  await t.rejects(tryVolume({ ...context, config }, connection))
  connection.close()
})

t.test('on a shared filesystem locks are tried out, and a warning says so', async t => {
  const { context, connection, warnings } = await prepare(t.testdir(), 'nfs4')
  connection.exec('BEGIN IMMEDIATE')
  await distrustLocks(context, connection)
  t.match(warnings, [/^volume\.shared: .* is on nfs4: locks hold there now/])
  connection.exec('ROLLBACK')
  await t.rejects(distrustLocks(context, connection), { code: 'FILESYSTEM_UNSUITABLE' }, 'nobody holds the lock')
  connection.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE')
  await distrustLocks(context, connection)
  t.match(warnings.at(-1), /its database is in WAL mode/)
  connection.close()
})

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

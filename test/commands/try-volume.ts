import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { distrustLocks, tryVolume } from '../../src/commands/try-volume.ts'
import { openDatabase } from '../../src/database/open.ts'
import { parseMounts } from '../../src/volume/mounts.ts'
import { makeContext } from '../help/context.ts'

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

import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { protect, roomForBackup } from '../../src/commands/protect.ts'
import { openDatabase } from '../../src/database/open.ts'
import { parseMounts } from '../../src/volume/mounts.ts'
import { makeContext } from '../help/context.ts'
import { withMount } from '../help/mount.ts'
import { dump, root, runProgram, settingsFor } from '../help/program.ts'

const notRoot = process.getuid?.() !== 0 && 'needs root, to mount'
const found = { isNew: false, schema: '0001-x', marker: undefined, pending: [] }
const pending = (text: string) => [{ name: '0002-y', file: '0002-y.js', text }]

const make = (folder: string): Database.Database => {
  const connection = openDatabase(join(folder, 'homelab.db'))
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1)')
  return connection
}

/** A context in a folder that the mount table says is on this filesystem. */
const contextOn = async (folder: string, filesystem: string, settings: Readonly<Record<string, string>> = {}) => {
  const context = await makeContext(folder, settings)
  const warnings: string[] = []
  const warn = (event: string, message: string) => warnings.push(`${event}: ${message}`)
  const mounts = parseMounts(`1 0 0:1 / ${folder} rw - ${filesystem} source rw`)
  return { context: { ...context, log: { ...context.log, warn }, host: { ...context.host, mounts } }, warnings }
}

t.test('with nothing pending the database is checked, and no backup made', async t => {
  const folder = t.testdir()
  const connection = make(folder)
  t.match(await protect(await makeContext(folder), connection, found), /Z$/)
  t.strictSame(readdirSync(folder), ['homelab.db'])
  connection.close()
})

t.test('a check that is switched off keeps the time of the last one', async t => {
  const folder = t.testdir()
  const connection = make(folder)
  const context = await makeContext(folder, { MIGRATOR_CHECK: 'never' })
  t.equal(await protect(context, connection, found), null)
  connection.close()
})

t.test('before pending migrations there is a backup, which is checked whatever MIGRATOR_CHECK says', async t => {
  const folder = t.testdir()
  const connection = make(folder)
  const context = await makeContext(folder, { MIGRATOR_CHECK: 'never' })
  connection.exec('BEGIN IMMEDIATE')
  t.match(await protect(context, connection, { ...found, pending: pending('') }), /Z$/)
  const [backup = ''] = readdirSync(join(folder, 'backups'))
  t.match(backup, /^homelab-0001-x-/)
  t.equal(dump(join(folder, 'backups', backup)), dump(join(folder, 'homelab.db')))
  connection.close()
})

t.test('on a shared filesystem locks are tried out, and a warning says so', async t => {
  const folder = t.testdir()
  const connection = make(folder)
  connection.exec('BEGIN IMMEDIATE')
  const { context, warnings } = await contextOn(folder, 'nfs4')
  await protect(context, connection, found)
  t.match(warnings, [/^volume\.shared: .* is on nfs4: locks hold there now/])
  connection.exec('ROLLBACK')
  await t.rejects(protect(context, connection, found), { code: 'FILESYSTEM_UNSUITABLE' }, 'nobody holds the lock')
  connection.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE')
  await protect(context, connection, found)
  t.match(warnings.at(-1), /its database is in WAL mode/)
  connection.close()
})

t.test(
  'room for the backup, for a table that is written anew and for its journal is counted beforehand',
  { skip: notRoot },
  async t => {
    const data = join(t.testdir({ data: {} }), 'data')
    await withMount(data, ['-t', 'tmpfs', '-o', 'size=4m', 'none'], async () => {
      const connection = make(data)
      connection.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000) INSERT INTO a SELECT hex(randomblob(50)) FROM n`,
      )
      const context = await makeContext(data)
      const rewrite = pending("context.rebuildTable('a', '…')")
      await t.rejects(protect(context, connection, { ...found, pending: rewrite }), {
        code: 'DISK_FULL',
        message: /backup 1\.\d MB, rebuild of a 1\.\d MB, its journal 1\.\d MB, journal and marker/,
      })
      const unknown = pending('context.rebuildTable(name, sql)')
      const whole = { code: 'DISK_FULL', message: /rebuild of a table 1\.\d MB/ }
      await t.rejects(protect(context, connection, { ...found, pending: unknown }), whole)
      t.strictSame(readdirSync(data), ['homelab.db'])
      await t.resolves(
        protect(context, connection, { ...found, pending: pending('') }),
        'for what writes no table there is room',
      )
      connection.close()
    })
  },
)

t.test('the room for a backup is that of the database and its WAL', async t => {
  const folder = t.testdir()
  const connection = make(folder)
  const before = roomForBackup(join(folder, 'homelab.db')).bytes
  connection.exec('PRAGMA journal_mode = WAL; INSERT INTO a VALUES (hex(randomblob(5000)))')
  t.ok(roomForBackup(join(folder, 'homelab.db')).bytes > before)
  t.match(roomForBackup(join(folder, 'homelab.db')), { folder })
  connection.close()
})

const migrationsWith = (t: Pick<Test, 'testdir'>, text: string): string => {
  const folder = t.testdir({ data: {}, migrations: { '0004-x.js': text } })
  cpSync(join(root, 'migrations'), join(folder, 'migrations'), { recursive: true })
  return folder
}

t.test('a migration file that cannot be loaded is found before a backup is made', async t => {
  const folder = migrationsWith(t, 'this is no JavaScript')
  const data = join(folder, 'data')
  await runProgram([], settingsFor(data))
  const outcome = await runProgram([], settingsFor(data, { MIGRATOR_MIGRATIONS: join(folder, 'migrations') }))
  t.match(outcome, { exitCode: 2 })
  t.equal(existsSync(join(data, 'backups')), false)
})

t.test('what the probe of another run left is gone after a run', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  writeFileSync(join(folder, '.migrator-probe'), '')
  writeFileSync(join(folder, '.ready'), '')
  await runProgram([], settingsFor(folder))
  t.strictSame(readdirSync(folder).toSorted(), ['.ready', 'homelab.db'])
})

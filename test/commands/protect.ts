import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { checkDamage, makeLastingBackup, protect } from '../../src/commands/protect.ts'
import { openDatabase } from '../../src/database/open.ts'
import { markUnfinished } from '../../src/database/unfinished-backup.ts'
import { readMarker } from '../../src/ready/marker.ts'
import { makeContext } from '../help/context.ts'
import { withMount } from '../help/mount.ts'
import { dump, root, runProgram, settingsFor } from '../help/program.ts'

const notRoot = process.getuid?.() !== 0 && 'needs root, to mount'
const found = { isNew: false, schema: '0001-x', marker: undefined, texts: [] }
const nothing = async () => undefined

const make = (folder: string): Database.Database => {
  const connection = openDatabase(join(folder, 'homelab.db'))
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1)')
  return connection
}
const backupsIn = (folder: string): readonly string[] => readdirSync(join(folder, 'backups')).filter(isBackup)
const isBackup = (name: string): boolean => name.endsWith('.db')

t.test('a database without anything in it needs neither check nor backup', async t => {
  const folder = t.testdir()
  const connection = openDatabase(join(folder, 'homelab.db'))
  const { value, checkedAt } = await protect(
    await makeContext(folder),
    connection,
    { ...found, isNew: true },
    async () => 7,
  )
  t.equal(value, 7)
  t.match(checkedAt, /Z$/)
  t.strictSame(readdirSync(folder), ['homelab.db'])
  connection.close()
})

t.test('with MIGRATOR_BACKUP=never the database itself is checked, and with MIGRATOR_CHECK=never not', async t => {
  const folder = t.testdir()
  const connection = make(folder)
  const checking = await makeContext(folder, { MIGRATOR_BACKUP: 'never' })
  t.match(await protect(checking, connection, found, nothing), { checkedAt: /Z$/ })
  const neither = await makeContext(folder, { MIGRATOR_BACKUP: 'never', MIGRATOR_CHECK: 'never' })
  t.match(await protect(neither, connection, found, nothing), { checkedAt: null })
  t.strictSame(readdirSync(folder), ['homelab.db'])
  connection.close()
})

t.test('a check that is switched off keeps the time of the last one', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const marker = readMarker(join(folder, '.ready'))
  const context = await makeContext(folder, { MIGRATOR_CHECK: 'never' })
  t.equal(await checkDamage(context, marker), marker?.checkedAt)
  t.equal(await checkDamage(context, undefined), null)
  t.match(await checkDamage(await makeContext(folder), undefined), /Z$/)
})

t.test('before the work there is a backup, which is checked whatever MIGRATOR_CHECK says', async t => {
  const folder = t.testdir()
  const connection = make(folder)
  const context = await makeContext(folder, { MIGRATOR_CHECK: 'never' })
  connection.exec('BEGIN IMMEDIATE')
  const before = dump(join(folder, 'homelab.db'))
  const outcome = await protect(context, connection, found, async () => {
    connection.exec('INSERT INTO a VALUES (2)')
    return backupsIn(folder)
  })
  t.match(outcome, { value: [/^homelab-0001-x-/], checkedAt: /Z$/ })
  t.equal(dump(join(folder, 'backups', outcome.value[0] ?? '')), before)
  connection.close()
})

t.test('where the work fails its backup goes again, and older ones stay', async t => {
  const older = 'homelab-0001-x-20260101T000000Z.db'
  const folder = t.testdir({ backups: { [older]: '' } })
  const connection = make(folder)
  const work = () => Promise.reject(new Error('out of luck'))
  await t.rejects(protect(await makeContext(folder), connection, found, work), { message: 'out of luck' })
  t.strictSame(readdirSync(join(folder, 'backups')), [older])
  connection.close()
})

t.test('where the disk fails the backup stays: it may not be rolled back', async t => {
  const folder = t.testdir()
  const connection = make(folder)
  const work = () => Promise.reject(Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_WRITE' }))
  await t.rejects(protect(await makeContext(folder), connection, found, work), { code: 'SQLITE_IOERR_WRITE' })
  t.equal(backupsIn(folder).length, 1)
  connection.close()
})

t.test(
  'the backup of a killed run goes once the database is known to be sound, and stays while it is damaged',
  async t => {
    const folder = t.testdir()
    const connection = make(folder)
    connection.close()
    const context = await makeContext(folder)
    const made = await makeLastingBackup(context, '0001-x')
    const left = join(dirname(made), 'homelab-0001-x-20260101T000000Z.db')
    renameSync(made, left)
    markUnfinished(join(folder, 'homelab.db'), left)
    const sound = readFileSync(join(folder, 'homelab.db'))
    truncateSync(join(folder, 'homelab.db'), 4096)
    const damaged = openDatabase(join(folder, 'homelab.db'))
    await t.rejects(protect(context, damaged, found, nothing), { code: 'DATABASE_DAMAGED' })
    damaged.close()
    t.strictSame(backupsIn(folder), [left.split('/').at(-1)])
    writeFileSync(join(folder, 'homelab.db'), sound)
    const mended = openDatabase(join(folder, 'homelab.db'))
    await protect(context, mended, found, nothing)
    t.equal(backupsIn(folder).length, 1)
    t.notSame(backupsIn(folder), [left.split('/').at(-1)])
    mended.close()
  },
)

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

t.test('a backup that cannot be removed is no failure of a run that has ended well', { skip: notRoot }, async t => {
  const folder = migrationsWith(t, 'export const up = ({ context }) => context.sequelize.query("CREATE TABLE x (y)")')
  const data = join(folder, 'data')
  await runProgram([], settingsFor(data))
  const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: join(folder, 'migrations'), MIGRATOR_BACKUP_KEEP: '1' })
  const stuck = join(data, 'backups/homelab-0001-x-20260101T000000Z.db')
  mkdirSync(join(data, 'backups'))
  writeFileSync(stuck, 'x')
  await withMount(stuck, ['--bind', stuck], async () => {
    const { exitCode, events } = await runProgram([], settings)
    t.equal(exitCode, 0)
    t.match(
      events.map(({ event }) => event),
      ['backup.made', 'migration.applied', 'backup.kept', 'up.done'],
    )
  })
  t.match((await runProgram([], settings)).events, [{ event: 'up.nothing' }])
})

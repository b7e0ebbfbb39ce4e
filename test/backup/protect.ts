import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import {
  checkDamage,
  dropUnfinished,
  finishBackup,
  hasUnfinished,
  keepUnfinished,
  makeLastingBackup,
  markUnfinished,
  withSafetyBackup,
} from '../../src/backup/protect.ts'
import type { Context } from '../../src/context.ts'
import type { Transaction } from '../../src/engine.ts'
import { readMarker } from '../../src/ready/marker.ts'
import { type Connection, openDatabase } from '../../src/sqlite/connect.ts'
import { transactionOf } from '../../src/sqlite/transaction.ts'
import { makeContext } from '../help/context.ts'
import { firstThree } from '../help/first-three.ts'
import { withMount } from '../help/mount.ts'
import { dump, runProgram, settingsFor } from '../help/program.ts'

const notRoot = process.getuid?.() !== 0 && 'needs root, to mount'
const found = { isNew: false, head: '0001-x', lastChecked: null, texts: [] }
const nothing = async () => undefined

const make = (folder: string): Connection => {
  const connection = openDatabase(join(folder, 'homelab.db'))
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1)')
  return connection
}
/** A run in a test's folder, and its transaction, which the test begins and ends. */
const lockedOf = async (
  folder: string,
  connection: Connection,
  environment: Readonly<Record<string, string>> = {},
): Promise<[Context, Transaction]> => {
  const context = await makeContext(folder, environment)
  return [context, transactionOf(context, connection, nothing)]
}
const backupsIn = (folder: string): readonly string[] => readdirSync(join(folder, 'backups')).filter(isBackup)
const isBackup = (name: string): boolean => name.endsWith('.db')

t.test('a database without anything in it needs neither check nor backup', async t => {
  const folder = t.testdir()
  const connection = openDatabase(join(folder, 'homelab.db'))
  const { value, checkedAt } = await withSafetyBackup(
    ...(await lockedOf(folder, connection)),
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
  const checking = await lockedOf(folder, connection, { MIGRATOR_BACKUP: 'never' })
  t.match(await withSafetyBackup(...checking, found, nothing), { checkedAt: /Z$/ })
  const neither = await lockedOf(folder, connection, { MIGRATOR_BACKUP: 'never', MIGRATOR_CHECK: 'never' })
  t.match(await withSafetyBackup(...neither, found, nothing), { checkedAt: null })
  t.strictSame(readdirSync(folder), ['homelab.db'])
  connection.close()
})

t.test('a check that is switched off keeps the time of the last one', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const lastChecked = readMarker(join(folder, '.ready'))?.checkedAt ?? ''
  const context = await makeContext(folder, { MIGRATOR_CHECK: 'never' })
  t.match(lastChecked, /Z$/)
  t.equal(await checkDamage(context, lastChecked), lastChecked)
  t.equal(await checkDamage(context, null), null)
  t.match(await checkDamage(await makeContext(folder), null), /Z$/)
})

t.test('before the work there is a backup, which is checked whatever MIGRATOR_CHECK says', async t => {
  const folder = t.testdir()
  const connection = make(folder)
  const locked = await lockedOf(folder, connection, { MIGRATOR_CHECK: 'never' })
  connection.exec('BEGIN IMMEDIATE')
  const before = dump(join(folder, 'homelab.db'))
  const outcome = await withSafetyBackup(...locked, found, async () => {
    connection.exec('INSERT INTO a VALUES (2)')
    return backupsIn(folder)
  })
  t.match(outcome, { value: [/^homelab--0001-x-/], checkedAt: /Z$/ })
  t.equal(dump(join(folder, 'backups', outcome.value[0] ?? '')), before)
  connection.close()
})

t.test('where the work fails its backup goes again, and older ones stay', async t => {
  const older = 'homelab--0001-x-20260101T000000Z.db'
  const folder = t.testdir({ backups: { [older]: 'x' } })
  const connection = make(folder)
  const work = () => Promise.reject(new Error('out of luck'))
  await t.rejects(withSafetyBackup(...(await lockedOf(folder, connection)), found, work), { message: 'out of luck' })
  t.strictSame(readdirSync(join(folder, 'backups')), [older])
  connection.close()
})

t.test('where the disk fails the backup stays: it may not be rolled back', async t => {
  const folder = t.testdir()
  const connection = make(folder)
  const work = () => Promise.reject(Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_WRITE' }))
  await t.rejects(withSafetyBackup(...(await lockedOf(folder, connection)), found, work), {
    code: 'SQLITE_IOERR_WRITE',
  })
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
    const made = await makeLastingBackup(context, context.engine.file, '0001-x')
    const left = join(dirname(made), 'homelab--0001-x-20260101T000000Z.db')
    renameSync(made, left)
    markUnfinished(join(folder, 'homelab.db'), left)
    const sound = readFileSync(join(folder, 'homelab.db'))
    truncateSync(join(folder, 'homelab.db'), 4096)
    const damaged = openDatabase(join(folder, 'homelab.db'))
    await t.rejects(withSafetyBackup(...(await lockedOf(folder, damaged)), found, nothing), {
      code: 'DATABASE_DAMAGED',
    })
    damaged.close()
    t.strictSame(backupsIn(folder), [left.split('/').at(-1)])
    writeFileSync(join(folder, 'homelab.db'), sound)
    const mended = openDatabase(join(folder, 'homelab.db'))
    await withSafetyBackup(...(await lockedOf(folder, mended)), found, nothing)
    t.equal(backupsIn(folder).length, 1)
    t.notSame(backupsIn(folder), [left.split('/').at(-1)])
    mended.close()
  },
)

const migrationsWith = (t: Pick<Test, 'testdir'>, text: string): string => {
  const folder = t.testdir({ data: {}, migrations: { '0004-x.js': text } })
  cpSync(firstThree, join(folder, 'migrations'), { recursive: true })
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
  writeFileSync(join(folder, 'homelab.db.migrator-probe'), '')
  writeFileSync(join(folder, '.ready'), '')
  await runProgram([], settingsFor(folder))
  t.strictSame(readdirSync(folder).toSorted(), ['.ready', 'homelab.db'])
})

t.test('a backup that cannot be removed is no failure of a run that has ended well', { skip: notRoot }, async t => {
  const folder = migrationsWith(t, 'export const up = ({ context }) => context.sequelize.query("CREATE TABLE x (y)")')
  const data = join(folder, 'data')
  await runProgram([], settingsFor(data))
  const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: join(folder, 'migrations'), MIGRATOR_BACKUP_KEEP: '1' })
  const stuck = join(data, 'backups/homelab--0001-x-20260101T000000Z.db')
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
      const locked = await lockedOf(data, connection)
      const protectFor = (text: string) => withSafetyBackup(...locked, { ...found, texts: [text] }, nothing)
      await t.rejects(protectFor("context.rebuildTable('a', '…')"), {
        code: 'DISK_FULL',
        message: /backup 1\.\d+ MB, rebuild of a 1\.\d+ MB, its journal 1\.\d+ MB, journal .*, ready marker/,
      })
      const whole = { code: 'DISK_FULL', message: /rebuild of a table 1\.\d+ MB/ }
      await t.rejects(protectFor('context.rebuildTable(name, sql)'), whole)
      t.strictSame(readdirSync(data), ['homelab.db'])
      await t.resolves(protectFor(''), 'for what writes no table there is room')
      connection.close()
    })
  },
)

t.test(
  'the room for a backup is that of the database and its WAL, on the filesystem that the backups are on',
  { skip: notRoot },
  async t => {
    const folder = t.testdir({ data: {}, elsewhere: {} })
    const data = join(folder, 'data')
    await withMount(data, ['-t', 'tmpfs', '-o', 'size=4m', 'none'], async () => {
      const connection = make(data)
      connection.exec(
        'PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; INSERT INTO a VALUES (randomblob(1500000))',
      )
      const context = await makeContext(data)
      writeFileSync(join(data, 'filler'), Buffer.alloc(2 * 1024 * 1024))
      await t.rejects(makeLastingBackup(context, context.engine.file, 'x'), {
        code: 'DISK_FULL',
        message: /backup 1\.\d+ MB/,
      })
      const elsewhere = join(folder, 'elsewhere')
      symlinkSync(elsewhere, join(data, 'backups'))
      await t.resolves(makeLastingBackup(context, context.engine.file, 'x'))
      t.equal(readdirSync(elsewhere).length, 1)
      connection.close()
    })
  },
)

const [older, newer] = ['homelab--0001-a-20260101T000000Z.db', 'homelab--0002-b-20260102T000000Z.db']

/** A volume with two backups, of which the newer one is of a run that has not ended. */
const prepare = (folder: string) => {
  const database = join(folder, 'homelab.db')
  markUnfinished(database, join(folder, 'backups', newer))
  return { database, names: () => readdirSync(join(folder, 'backups')).toSorted() }
}
const backups = { backups: { [older]: 'x', [newer]: 'x' } }

t.test('a run that ends well keeps its backup, and removes all but the newest', async t => {
  const { database, names } = prepare(t.testdir(backups))
  t.equal(hasUnfinished(database), true)
  finishBackup(database, 1)
  t.strictSame(names(), [newer])
  t.equal(hasUnfinished(database), false)
})

t.test('of a run that changed nothing the backup goes', async t => {
  const { database, names } = prepare(t.testdir(backups))
  dropUnfinished(database, '0002-b')
  t.strictSame(names(), [older])
})

t.test('of a run that was killed after its commit the backup stays', async t => {
  const { database, names } = prepare(t.testdir(backups))
  dropUnfinished(database, '0003-c')
  t.strictSame(names(), [older, newer])
  t.equal(hasUnfinished(database), false)
})

t.test('of a run whose mark a power cut emptied the backup stays', async t => {
  const { database, names } = prepare(t.testdir(backups))
  writeFileSync(join(database, '../backups/.homelab.db.unfinished'), '')
  dropUnfinished(database, '0002-b')
  t.strictSame(names(), [older, newer])
})

t.test('another database beside it is not concerned', async t => {
  const { database } = prepare(t.testdir(backups))
  const other = join(database, '../other.db')
  t.equal(hasUnfinished(other), false)
  dropUnfinished(other, '0002-b')
  t.equal(hasUnfinished(database), true)
})

t.test('a backup that somebody took away meanwhile is no matter', async t => {
  const { database, names } = prepare(t.testdir({ backups: { [older]: 'x' } }))
  dropUnfinished(database, '0002-b')
  t.strictSame(names(), [older])
})

t.test('one that is kept goes neither then nor with a later run of its schema', async t => {
  const { database, names } = prepare(t.testdir(backups))
  keepUnfinished(database)
  dropUnfinished(database, '0002-b')
  t.strictSame(names(), [older, newer])
})

t.test('with no such backup nothing is done, and nothing removed', async t => {
  const folder = t.testdir(backups)
  dropUnfinished(join(folder, 'homelab.db'), '0002-b')
  finishBackup(join(folder, 'homelab.db'), 1)
  keepUnfinished(join(folder, 'homelab.db'))
  t.strictSame(readdirSync(join(folder, 'backups')).toSorted(), [older, newer])
})

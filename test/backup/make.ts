import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { listBackups } from '../../src/backup/backups.ts'
import { type BackUpOptions, backUp, pruneBackups, removeBackup } from '../../src/backup/make.ts'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { copyByHelper } from '../../src/sqlite/copy.ts'
import type { Helper } from '../../src/sqlite/helper.ts'
import { makeContext } from '../help/context.ts'
import { makeHelper } from '../help/helper.ts'
import { dump } from '../help/program.ts'

const make = (folder: string): string => {
  const file = join(folder, 'homelab.db')
  const connection = openDatabase(file)
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)')
  connection.close()
  return file
}
const backUpWith = async (
  file: string,
  changed: Partial<BackUpOptions> = {},
  helper: Partial<Helper> = {},
): Promise<string> => {
  const { engine } = await makeContext(dirname(file))
  const copyTo = (copy: string) => copyByHelper('the backup', file, copy, 'quick_check', makeHelper(helper))
  return backUp({ ...engine.file, copyTo }, { schema: '0002-x', rows: [{ name: 'a', rows: 2 }], ...changed })
}

t.test('a backup is the database, with its mode, under a name that says from what and when', async t => {
  const file = make(t.testdir())
  chmodSync(file, 0o660)
  const backup = await backUpWith(file)
  t.match(backup, /backups\/homelab--0002-x-\d{8}T\d{6}Z\.db$/)
  t.equal(dump(backup), dump(file))
  t.equal(statSync(backup).mode & 0o777, 0o660)
  t.strictSame(readdirSync(join(file, '../backups')).length, 1)
})

t.test('it can be made while another connection holds the write lock, and leaves that the lock', async t => {
  for (const mode of ['wal', 'delete']) {
    const file = make(t.testdir())
    const writer = openDatabase(file)
    writer.pragma(`journal_mode = ${mode}`)
    writer.exec('BEGIN IMMEDIATE')
    const backup = await backUpWith(file)
    const other = openDatabase(file)
    t.throws(() => other.exec('BEGIN IMMEDIATE'), { code: 'SQLITE_BUSY' }, mode)
    other.close()
    writer.close()
    t.equal(dump(backup), dump(file))
  }
})

t.test('two of one second have two names', async t => {
  const file = make(t.testdir())
  const made = [await backUpWith(file), await backUpWith(file), await backUpWith(file)]
  t.equal(new Set(made).size, 3)
  t.strictSame(
    listBackups(file).map(backup => backup.file),
    made,
  )
})

t.test('only the newest are kept', async t => {
  const file = make(t.testdir())
  const folder = join(file, '../backups')
  mkdirSync(folder)
  for (const day of [1, 2, 3]) writeFileSync(join(folder, `homelab--0001-a-2026010${day}T000000Z.db`), 'x')
  writeFileSync(join(folder, 'notes.txt'), '')
  const backup = await backUpWith(file)
  pruneBackups(file, 2)
  t.strictSame(
    listBackups(file).map(backup => backup.file),
    [join(folder, 'homelab--0001-a-20260103T000000Z.db'), backup],
  )
  t.equal(existsSync(join(folder, 'notes.txt')), true)
  writeFileSync(`${listBackups(file)[0]?.file}-wal`, '')
  pruneBackups(file, 1)
  t.strictSame(readdirSync(folder).toSorted(), [backup.split('/').at(-1), 'notes.txt'])
  removeBackup(backup)
  t.strictSame(readdirSync(folder), ['notes.txt'])
})

t.test(
  'the new one, which is known to be good, is the newest even beside one that a wrong clock put into the future',
  async t => {
    const file = make(t.testdir({ backups: { 'homelab--0001-a-29990101T000000Z.db': 'x' } }))
    const backup = await backUpWith(file)
    pruneBackups(file, 1)
    t.strictSame(
      listBackups(file).map(backup => backup.file),
      [backup],
    )
  },
)

t.test('a damaged database is refused: no backup is made, none is removed, and no folder is left', async t => {
  const old = 'homelab--0001-a-20260101T000000Z.db'
  const file = make(t.testdir({ backups: { [old]: 'x' } }))
  truncateSync(file, 4096)
  await t.rejects(backUpWith(file), { code: 'DATABASE_DAMAGED' })
  t.strictSame(readdirSync(join(file, '../backups')), [old])
  const other = make(t.testdir({}))
  truncateSync(other, 4096)
  await t.rejects(backUpWith(other), { code: 'DATABASE_DAMAGED' })
  t.equal(existsSync(join(other, '../backups')), false)
})

t.test('a copy with other rows than the database is no backup', async t => {
  const file = make(t.testdir())
  await t.rejects(backUpWith(file, { rows: [{ name: 'a', rows: 3 }] }), { code: 'DISK_FULL', message: /failing/ })
  t.equal(existsSync(join(file, '../backups')), false)
  await t.resolves(backUpWith(file, { rows: undefined }), 'where somebody may write they are not compared')
})

t.test('a signal ends it, and nothing is left', async t => {
  const file = make(t.testdir())
  const connection = openDatabase(file)
  connection.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400000)
    INSERT INTO a SELECT hex(randomblob(100)) FROM n`)
  connection.close()
  const controller = new AbortController()
  const reason = new Error('stopped')
  const helper = { signal: controller.signal, onProgress: () => controller.abort(reason) }
  await t.rejects(backUpWith(file, { rows: undefined }, helper), reason)
  t.equal(existsSync(join(file, '../backups')), false)
})

t.test('what is no folder in the place of the backups is refused, and stays', async t => {
  const file = make(t.testdir({ backups: 'a text' }))
  await t.rejects(backUpWith(file), { code: 'CONFIG_INVALID', message: /where backups go, is not a folder/ })
  const other = make(t.testdir({}))
  symlinkSync('nowhere', join(other, '../backups'))
  await t.rejects(backUpWith(other), { code: 'CONFIG_INVALID' })
})

t.test('a link to a folder will do', async t => {
  const folder = t.testdir({ elsewhere: {} })
  symlinkSync('elsewhere', join(folder, 'backups'))
  await backUpWith(make(folder))
  t.equal(readdirSync(join(folder, 'elsewhere')).length, 1)
})

import fs, { copyFileSync, existsSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { attempt } from '../../src/attempt.ts'
import {
  closeUnlessDamaged,
  openDatabase,
  openExisting,
  openForReading,
  refuseReplaced,
} from '../../src/database/open.ts'
import { Failure } from '../../src/failure.ts'

t.test('a database that is not there is made', async t => {
  const file = join(t.testdir(), 'x.db')
  openDatabase(file).close()
  t.equal(existsSync(file), true)
})

t.test('opening for reading makes nothing and writes nothing', async t => {
  const file = join(t.testdir(), 'x.db')
  t.throws(() => openForReading(file), { code: 'SQLITE_CANTOPEN' })
  t.equal(existsSync(file), false)
  openDatabase(file).close()
  const connection = openForReading(file)
  t.throws(() => connection.exec('CREATE TABLE a (x)'), { code: 'SQLITE_READONLY' })
  connection.close()
})

t.test('opening what exists makes nothing', async t => {
  const file = join(t.testdir(), 'x.db')
  t.throws(() => openExisting(file), { code: 'SQLITE_CANTOPEN' })
  t.equal(existsSync(file), false)
  openDatabase(file).close()
  const connection = openExisting(file)
  connection.exec('CREATE TABLE a (x)')
  connection.close()
})

t.test('a folder where the database should be is refused', async t => {
  const folder = t.testdir({ 'x.db': {} })
  t.throws(() => openDatabase(join(folder, 'x.db')), { code: 'CONFIG_INVALID' })
  t.throws(() => openForReading(join(folder, 'x.db')), { code: 'CONFIG_INVALID' })
})

t.test('a file that was replaced or removed under its name is noticed', async t => {
  const folder = t.testdir()
  const file = join(folder, 'x.db')
  const connection = openDatabase(file)
  t.doesNotThrow(() => refuseReplaced(connection))
  copyFileSync(file, join(folder, 'other.db'))
  renameSync(join(folder, 'other.db'), file)
  t.throws(() => refuseReplaced(connection), { code: 'DATABASE_BUSY' })
  rmSync(file)
  t.throws(() => refuseReplaced(connection), { code: 'DATABASE_BUSY' })
  connection.close()
})

t.test('a file that is replaced while it is opened is noticed, and not left open', async t => {
  const folder = t.testdir()
  const file = join(folder, 'x.db')
  openDatabase(file).close()
  const { statSync } = fs
  fs.statSync = ((...words: Parameters<typeof statSync>) => {
    const found = statSync(...words)
    copyFileSync(file, join(folder, 'other.db'))
    renameSync(join(folder, 'other.db'), file)
    return found
  }) as typeof statSync
  syncBuiltinESMExports()
  t.teardown(() => {
    fs.statSync = statSync
    syncBuiltinESMExports()
  })
  t.throws(() => openDatabase(file), { code: 'DATABASE_BUSY', message: /was replaced/ })
  const open = readdirSync('/proc/self/fd').map(entry => attempt(() => readlinkSync(join('/proc/self/fd', entry))))
  t.strictSame(
    open.filter(link => 'value' in link && link.value.startsWith(folder)),
    [],
  )
})

t.test('a connection that was not opened to write is not asked', async t => {
  const file = join(t.testdir(), 'x.db')
  openDatabase(file).close()
  const connection = openForReading(file)
  rmSync(file)
  t.doesNotThrow(() => refuseReplaced(connection))
  connection.close()
})

t.test('after damage a connection stays open: closing it would put the WAL into the file', async t => {
  const file = join(t.testdir(), 'x.db')
  const connection = openDatabase(file)
  connection.exec('PRAGMA journal_mode = WAL; CREATE TABLE a (x)')
  const before = readFileSync(file)
  closeUnlessDamaged(connection, new Failure('DATABASE_DAMAGED', 'damaged', 'hint'))
  t.strictSame(readFileSync(file), before)
  t.equal(existsSync(`${file}-wal`), true)
  closeUnlessDamaged(connection, new Error('another'))
  t.equal(existsSync(`${file}-wal`), false)
})

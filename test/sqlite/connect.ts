import { copyFileSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Failure } from '../../src/failure.ts'
import {
  type Connection,
  closeUnlessDamaged,
  openDatabase,
  openExisting,
  openForReading,
  refuseReplaced,
  whenFree,
  withTransaction,
} from '../../src/sqlite/connect.ts'
import { runPatched } from '../help/program.ts'

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
  const patch = `const { statSync } = fs
    fs.statSync = (...words) => {
      const found = statSync(...words)
      fs.copyFileSync(${JSON.stringify(file)}, ${JSON.stringify(join(folder, 'other.db'))})
      fs.renameSync(${JSON.stringify(join(folder, 'other.db'))}, ${JSON.stringify(file)})
      return found
    }`
  const code = `import { readdirSync, readlinkSync } from 'node:fs'
    const { openDatabase } = await import(src + 'sqlite/connect.ts')
    try { openDatabase(${JSON.stringify(file)}) } catch ({ code, message }) { console.log(code, message) }
    for (const entry of readdirSync('/proc/self/fd')) try { console.log(readlinkSync('/proc/self/fd/' + entry)) } catch {}`
  const said = runPatched(folder, patch, code)
  t.match(said, /^DATABASE_BUSY another program replaced/)
  t.notMatch(said, new RegExp(`^${folder}`, 'm'))
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

const patience = { lockTimeout: 0, signal: new AbortController().signal, onWait: () => undefined }
const foreignKeys = (connection: Connection) => connection.pragma('foreign_keys', { simple: true })
const open = (t: { testdir: () => string; teardown: (work: () => void) => void }) => {
  const file = join(t.testdir(), 'x.db')
  const connection = openDatabase(file)
  const other = openDatabase(file)
  t.teardown(() => [connection.close(), other.close()])
  return { connection, other }
}

t.test('the work is committed, and its result given', async t => {
  const { connection, other } = open(t)
  const result = await withTransaction(connection, patience, async () => {
    connection.exec('CREATE TABLE a (x)')
    return 'done'
  })
  t.equal(result, 'done')
  t.strictSame(other.prepare('SELECT name FROM sqlite_schema').pluck().all(), ['a'])
})

t.test('foreign keys are off inside and on after, however it ends', async t => {
  const { connection } = open(t)
  await withTransaction(connection, patience, async () => t.equal(foreignKeys(connection), 0))
  t.equal(foreignKeys(connection), 1)
  await t.rejects(withTransaction(connection, patience, () => Promise.reject(new Error('x'))))
  t.equal(foreignKeys(connection), 1)
})

t.test('work may commit by itself, to undo what it did besides where that fails', async t => {
  const { connection, other } = open(t)
  other.exec('CREATE TABLE a (x); BEGIN; SELECT * FROM a')
  const failed = withTransaction(connection, patience, async commit => {
    connection.exec('INSERT INTO a VALUES (1)')
    await t.rejects(commit(), { code: 'SQLITE_BUSY' })
    throw new Error('undone')
  })
  await t.rejects(failed, { message: 'undone' })
  other.exec('COMMIT')
  await withTransaction(connection, patience, async commit => {
    connection.exec('INSERT INTO a VALUES (2)')
    await commit()
    t.strictSame(other.prepare('SELECT x FROM a').pluck().all(), [2])
  })
})

t.test('when the work throws, nothing of it stays', async t => {
  const { connection, other } = open(t)
  const work = async () => {
    connection.exec('CREATE TABLE a (x)')
    throw new Error('too bad')
  }
  await t.rejects(withTransaction(connection, patience, work), { message: 'too bad' })
  t.equal(connection.inTransaction, false)
  t.strictSame(other.prepare('SELECT name FROM sqlite_schema').pluck().all(), [])
})

t.test('when SQLite rolled back by itself the first error is still the one', async t => {
  const { connection } = open(t)
  const work = async () => {
    connection.exec('ROLLBACK')
    throw new Error('the first')
  }
  await t.rejects(withTransaction(connection, patience, work), { message: 'the first' })
})

t.test('a second writer is refused while the first is at work', async t => {
  const { connection, other } = open(t)
  await withTransaction(connection, patience, async () => {
    await t.rejects(
      withTransaction(other, patience, async () => t.fail('both inside')),
      { code: 'SQLITE_BUSY' },
    )
  })
})

const busy = Object.assign(new Error('locked'), { code: 'SQLITE_BUSY' })
const never = new AbortController().signal

t.test('what is free is done at once, without a word', async t => {
  const onWait = () => t.fail('it waited')
  t.equal(await whenFree(() => 'done', { lockTimeout: 0, signal: never, onWait }), 'done')
})

t.test('it tries again until the lock is free, and says once that it waits', async t => {
  let [tries, waits] = [0, 0]
  const work = () => {
    tries += 1
    if (tries < 3) throw busy
    return tries
  }
  const onWait = () => {
    waits += 1
  }
  t.equal(await whenFree(work, { lockTimeout: 60, signal: never, onWait }), 3)
  t.equal(waits, 1)
})

t.test('after the timeout the lock is reported busy', async t => {
  const work = () => {
    throw busy
  }
  await t.rejects(whenFree(work, { lockTimeout: 0, signal: never, onWait: () => undefined }), { code: 'SQLITE_BUSY' })
})

t.test('any other error is thrown at once', async t => {
  const work = () => {
    throw new Error('other')
  }
  await t.rejects(whenFree(work, { lockTimeout: 60, signal: never, onWait: () => undefined }), { message: 'other' })
})

t.test('so is one that comes while it waits', async t => {
  let tries = 0
  const work = () => {
    tries += 1
    throw tries === 1 ? busy : new Error('other')
  }
  await t.rejects(whenFree(work, { lockTimeout: 60, signal: never, onWait: () => undefined }), { message: 'other' })
})

t.test('a signal ends the wait', async t => {
  const controller = new AbortController()
  const work = () => {
    controller.abort(new Error('stopped'))
    throw busy
  }
  const patience = { lockTimeout: 60, signal: controller.signal, onWait: () => undefined }
  await t.rejects(whenFree(work, patience), { message: 'stopped' })
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { bytesReadBy, helperOf, refuseFalseLocks, runHelper, tryLock } from '../../src/sqlite/helper.ts'
import { makeContext } from '../help/context.ts'
import { makeHelper } from '../help/helper.ts'

/** A database that takes a while to read. */
const makeLarge = (folder: string): string => {
  const file = join(folder, 'x.db')
  const connection = new Database(file)
  connection.exec(`
    CREATE TABLE a (x); CREATE INDEX i ON a (x);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400000) INSERT INTO a SELECT hex(randomblob(30)) FROM n`)
  connection.close()
  return file
}

t.test('a helper is started by the same words, and stopped by the same signal', async t => {
  const context = await makeContext('/nowhere')
  const helper = helperOf(context)
  t.equal(helper.command, context.command)
  t.equal(helper.signal, context.signal)
  helper.onProgress('checking', 1, 2)
})

t.test('what the work gave comes back', async t => {
  const file = join(t.testdir({ 'x.db': '' }), 'x.db')
  t.equal(await runHelper(makeHelper(), ['lock', file], () => undefined), 'free')
})

t.test('an error has the code that SQLite gave it', async t => {
  const file = join(t.testdir(), 'none.db')
  await t.rejects(
    runHelper(makeHelper(), ['lock', file], () => undefined),
    { code: 'SQLITE_CANTOPEN' },
  )
  await t.rejects(
    runHelper(makeHelper(), ['dance'], () => undefined),
    { message: /dance is no job/ },
  )
})

t.test('it is told how many bytes were read', async t => {
  const file = makeLarge(t.testdir())
  const told: number[] = []
  await runHelper(makeHelper(), ['inspect', file, 'integrity_check'], bytes => told.push(bytes))
  t.ok(told.length > 0)
  t.ok((told.at(-1) ?? 0) > 0)
})

t.test('of a process that is not there nothing is told', async t => {
  t.equal(bytesReadBy(undefined), 0)
  t.ok(bytesReadBy(process.pid) > 0)
})

t.test('a signal ends it at once, and its reason is thrown', async t => {
  const file = makeLarge(t.testdir())
  const controller = new AbortController()
  const reason = new Error('stopped')
  const work = runHelper(makeHelper({ signal: controller.signal }), ['inspect', file, 'integrity_check'], () =>
    controller.abort(reason),
  )
  await t.rejects(work, reason)
  await t.rejects(
    runHelper(makeHelper({ signal: controller.signal }), ['lock', file], () => undefined),
    reason,
  )
})

t.test('one that ends without a word is an error that says how it ended', async t => {
  const script = join(t.testdir(), 'dies.cjs')
  writeFileSync(script, "console.error('out of memory'); process.kill(process.pid, 'SIGKILL')")
  await t.rejects(
    runHelper(makeHelper({ command: [process.execPath, script] }), [], () => undefined),
    { message: /SIGKILL: out of memory/ },
  )
  writeFileSync(script, 'process.exit(7)')
  await t.rejects(
    runHelper(makeHelper({ command: [process.execPath, script] }), [], () => undefined),
    { message: /ended with 7/ },
  )
})

for (const mode of ['wal', 'delete', 'new']) {
  t.test(`a lock that is held is taken, one that is not is free (${mode})`, async t => {
    const file = join(t.testdir(), 'x.db')
    const connection = openDatabase(file)
    if (mode !== 'new') connection.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE a (x)`)
    t.equal(tryLock(file), 'free')
    connection.exec('BEGIN IMMEDIATE')
    t.equal(tryLock(file), 'taken')
    await t.resolves(refuseFalseLocks(file, 'nfs4', makeHelper()))
    connection.exec('ROLLBACK')
    t.equal(tryLock(file), 'free', 'trying gives it back')
    connection.close()
  })
}

t.test('where another process gets the lock too, the filesystem is refused by name', async t => {
  const file = join(t.testdir(), 'x.db')
  openDatabase(file).close()
  await t.rejects(refuseFalseLocks(file, 'nfs4', makeHelper()), { code: 'FILESYSTEM_UNSUITABLE', message: /nfs4/ })
})

t.test('a file that cannot be opened is an error', async t => {
  t.throws(() => tryLock(join(t.testdir(), 'none.db')), { code: 'SQLITE_CANTOPEN' })
  const file = join(t.testdir({ 'x.db': 'no database, '.repeat(100) }), 'x.db')
  t.throws(() => tryLock(file), { code: 'SQLITE_NOTADB' })
})

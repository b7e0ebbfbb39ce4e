import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { bytesReadBy, helperOf, lifeOf, refuseFalseLocks, runHelper, tryLock } from '../../src/sqlite/helper.ts'
import { makeContext } from '../help/context.ts'
import { lingeringIn, makeHelper } from '../help/helper.ts'

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
  const folder = t.testdir()
  const file = makeLarge(folder)
  const told: number[] = []
  await runHelper(makeHelper({ command: lingeringIn(folder) }), ['inspect', file, 'integrity_check'], bytes =>
    told.push(bytes),
  )
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

t.test('one that cannot be started is told as such', async t => {
  await t.rejects(
    runHelper(makeHelper({ command: ['/nowhere/node', 'x'] }), ['lock', 'x'], () => undefined),
    { code: 'CONFIG_INVALID', message: /cannot be started.*ENOENT/, hint: /processes \(pids\)/ },
  )
})

t.test('one that does nothing is killed after a while, and so is one that was stopped', async t => {
  const script = join(t.testdir(), 'idle.cjs')
  const told = { code: 'DISK_FULL', message: /did nothing/ }
  for (const text of ['setInterval(() => undefined, 1e6)', "process.kill(process.pid, 'SIGSTOP')"]) {
    writeFileSync(script, text)
    const helper = makeHelper({ command: [process.execPath, script], idleLimit: 1 })
    await t.rejects(
      runHelper(helper, ['copy'], () => undefined),
      told,
    )
  }
})

t.test('one that is killed by a disk that fails, or whose answer is cut off, is told as such', async t => {
  const script = join(t.testdir(), 'dies.cjs')
  const run = () => runHelper(makeHelper({ command: [process.execPath, script] }), ['copy'], () => undefined)
  writeFileSync(script, "process.kill(process.pid, 'SIGBUS')")
  await t.rejects(run(), { code: 'DISK_FULL', message: /\(copy\) ended with SIGBUS/ })
  writeFileSync(script, 'console.log(\'{"value":\')')
  await t.rejects(run(), { code: 'CONFIG_INVALID', message: /ended with 0/ })
})

t.test('a failure there is one here, and an error of the kernel keeps its number', async t => {
  const folder = t.testdir()
  await t.rejects(
    runHelper(makeHelper(), ['inspect', folder, 'quick_check'], () => undefined),
    { code: 'CONFIG_INVALID', hint: /DATABASE_URL/ },
  )
  await t.rejects(
    runHelper(makeHelper(), ['copy', join(folder, 'none'), join(folder, 'to'), 'quick_check'], () => undefined),
    { code: 'ENOENT', errno: -2, path: join(folder, 'none') },
  )
})

t.test('while it waits for a disk it may do nothing for longer', async t => {
  const stat = (state: string) => `7 (a name) ${state} 1 7 7 0 -1 4194560 5 0 0 0 12 34 0 0`
  const folder = t.testdir({ io: 'rchar: 5\n', task: { 7: { stat: stat('S') }, 8: { stat: stat('S') } } })
  const sleeping = lifeOf(folder)
  t.match(sleeping, { work: /rchar: 5.*12 34/s, patience: 1 })
  writeFileSync(join(folder, 'task/8/stat'), stat('D'))
  t.strictSame(lifeOf(folder), { ...sleeping, patience: 10 })
  t.strictSame(lifeOf(join(folder, 'none')), { work: undefined, patience: 1 })
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

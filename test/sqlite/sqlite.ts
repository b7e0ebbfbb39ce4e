import { appendFileSync, copyFileSync, existsSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { Failure } from '../../src/failure.ts'
import type { Log } from '../../src/log.ts'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { parseMounts } from '../../src/volume/mounts.ts'
import { makeContext, withEngine } from '../help/context.ts'
import '../help/use-uri.ts'

const failed = new Failure('MIGRATION_FAILED', 'out of luck', 'hint')
const damaged = new Failure('DATABASE_DAMAGED', 'it is damaged', 'hint')

/** An engine in a folder that the mount table says is on this filesystem, and what it warns of. */
const prepare = async (folder: string, filesystem = 'ext4') => {
  const context = await makeContext(folder)
  const warnings: string[] = []
  const warn: Log['warn'] = (...[event]) => void warnings.push(event)
  const log = { ...context.log, warn }
  const mounts = parseMounts(`1 0 0:1 / ${folder} rw - ${filesystem} source rw`)
  const { engine } = withEngine({ ...context, log, host: { ...context.host, mounts } })
  return { engine, file: join(folder, 'homelab.db'), warnings }
}

/** A closed database with two rows. */
const make = async (t: Pick<Test, 'testdir'>, mode: 'wal' | 'delete' = 'delete') => {
  const folder = t.testdir({})
  const prepared = await prepare(folder)
  const connection = openDatabase(prepared.file)
  connection.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)`)
  connection.close()
  return { folder, ...prepared }
}

t.test('it is called by the path of its file, and its driver errors mean what they mean for that', async t => {
  const { engine, file } = await prepare('/nowhere')
  t.equal(engine.name, file)
  const busy = Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })
  t.match(engine.explain(busy), { code: 'DATABASE_BUSY', message: new RegExp(file) })
  const bug = new TypeError('a bug')
  t.equal(engine.explain(bug), bug)
})

t.test('a volume that is not there is refused, whether it is to be read or written', async t => {
  const { engine } = await prepare('/nowhere')
  for (const access of ['read', 'write'] as const) await t.rejects(engine.validate(access), { code: 'VOLUME_MISSING' })
})

t.test('a volume in memory is warned of where it is written, for it ends with the container', async t => {
  const { engine, warnings } = await prepare(t.testdir(), 'tmpfs')
  await engine.validate('read')
  t.strictSame(warnings, [])
  await engine.validate('write')
  t.strictSame(warnings, ['volume.memory'])
})

t.test('where there is no file none is made by a look', async t => {
  const folder = t.testdir()
  const { engine } = await prepare(folder)
  t.equal(await engine.preflight(), 'empty')
  t.equal(await engine.read('wait', reader => reader.isEmpty()), undefined)
  t.strictSame([engine.file.bytes(), engine.file.journalMode()], [0, null])
  t.strictSame(readdirSync(folder), [])
})

t.test('what is no database, and what is no journal, is seen before it is opened', async t => {
  const { engine, file } = await make(t)
  t.equal(await engine.preflight(), 'there')
  writeFileSync(`${file}-journal`, 'no journal'.repeat(100))
  await t.rejects(engine.preflight(), { code: 'DATABASE_DAMAGED' })
  writeFileSync(file, 'no database'.repeat(100))
  await t.rejects(engine.preflight(), { code: 'DATABASE_DAMAGED' })
})

t.test('an empty file that a failed run made goes; one that somebody filled or made before stays', async t => {
  for (const [filled, before, stays] of [
    [false, false, false],
    [true, false, true],
    [false, true, true],
  ] as const) {
    const { engine, file } = await prepare(t.testdir({}))
    if (before) writeFileSync(file, '')
    const session = await engine.open()
    if (filled) new Database(file).exec('CREATE TABLE a (x)').close()
    await session.close(failed)
    t.equal(existsSync(file), stays)
  }
})

t.test('a damaged database is left as it is, with its WAL', async t => {
  const { engine, file } = await make(t, 'wal')
  const session = await engine.open()
  await session.transaction(async transaction => {
    await transaction.prepareHistory([])
  })
  await session.close(damaged)
  t.equal(existsSync(`${file}-wal`), true)
})

t.test('a file is suspect when its last writer died, or when it has grown', async t => {
  const { engine, file, folder } = await make(t)
  const suspect = async () => {
    const session = await engine.open()
    const found = await session.snapshot(() => session.isSuspect())
    await session.close()
    return found
  }
  t.equal(await suspect(), false)
  appendFileSync(file, Buffer.alloc(4096))
  t.equal(await suspect(), true)
  truncateSync(file, 8192)
  t.equal(await suspect(), false)
  const writer = new Database(file)
  writer.exec('PRAGMA cache_size = 1; BEGIN')
  writer.exec(
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500) INSERT INTO a SELECT randomblob(1000) FROM n',
  )
  for (const suffix of ['', '-journal']) copyFileSync(file + suffix, join(folder, `killed${suffix}`))
  writer.close()
  for (const suffix of ['', '-journal']) copyFileSync(join(folder, `killed${suffix}`), file + suffix)
  t.equal(await suspect(), true, 'its journal is hot')
})

t.test('a new database is in WAL mode, but for a filesystem that is shared', async t => {
  for (const [filesystem, mode] of [
    ['ext4', 'wal'],
    ['nfs4', 'rollback'],
  ] as const) {
    const { engine } = await prepare(t.testdir({}), filesystem)
    const session = await engine.open()
    await session.transaction(transaction => transaction.prepareHistory([]))
    await session.handOver()
    await session.close()
    t.equal(engine.file.journalMode(), mode)
  }
})

t.test('a copy has what the database has, and is read for damage; so is the database', async t => {
  const { engine, folder, file } = await make(t)
  t.strictSame(await engine.file.copyTo(join(folder, 'copy.db')), {
    findings: [],
    unchecked: [],
    rows: [{ name: 'a', rows: 2 }],
  })
  await engine.file.requireSound()
  truncateSync(file, 4096)
  await t.rejects(engine.file.requireSound(), { code: 'DATABASE_DAMAGED' })
})

t.test('a disk that fails is told from one that is full', async t => {
  const { engine } = await prepare('/nowhere')
  const failing = (code: string) => engine.isUncertain(Object.assign(new Error('x'), { code }))
  t.equal(failing('SQLITE_IOERR_WRITE'), true)
  t.equal(failing('SQLITE_FULL'), false)
})

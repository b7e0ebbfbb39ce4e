import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import {
  hasBadHeader,
  hasHotJournal,
  hasLeftovers,
  journalMode,
  preflight,
  refuseBadJournal,
  refuseNoFile,
  wasWalRecovered,
} from '../../src/sqlite/file.ts'
import { leaveHotJournal } from '../help/hot-journal.ts'
import { root } from '../help/program.ts'

for (const [mode, told] of [
  ['wal', 'wal'],
  ['delete', 'rollback'],
] as const) {
  t.test(`the journal mode ${mode} is told without opening the database`, async t => {
    const file = join(t.testdir(), 'x.db')
    const connection = new Database(file)
    connection.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE a (x)`)
    connection.close()
    t.equal(journalMode(file), told)
    t.equal(hasBadHeader(file), false)
    preflight(file, true)
  })
}

t.test('a file that begins as no database does is refused, also a short one', async t => {
  for (const content of ['SQLite', 'SQLite format 4\0', 'anything else, as long as it likes to be']) {
    const file = join(t.testdir({ 'x.db': content }), 'x.db')
    t.equal(hasBadHeader(file), true)
    t.throws(() => preflight(file, true), { code: 'DATABASE_DAMAGED' })
  }
})

for (const [title, offset] of [
  ['a page size that there is none of', 16],
  ['a version for writing that there is none of', 18],
  ['a version for reading that there is none of', 19],
  ['other fractions than the fixed ones', 22],
  ['a text encoding that there is none of', 56],
] as const) {
  t.test(`a header with ${title} is refused`, async t => {
    const file = join(t.testdir(), 'x.db')
    const connection = new Database(file)
    connection.exec('CREATE TABLE a (x)')
    connection.close()
    const bytes = readFileSync(file)
    bytes[offset] = 77
    writeFileSync(file, bytes)
    t.throws(() => preflight(file, true), { code: 'DATABASE_DAMAGED' })
  })
}

t.test('a folder and a pipe are no files, and are not read', async t => {
  const folder = t.testdir({ 'x.db': {} })
  execFileSync('mkfifo', [join(folder, 'pipe')])
  for (const name of ['x.db', 'pipe']) {
    t.throws(() => hasBadHeader(join(folder, name)), { code: 'CONFIG_INVALID' })
    t.throws(() => refuseNoFile(join(folder, name)), { code: 'CONFIG_INVALID' })
  }
  refuseNoFile(join(folder, 'none'))
})

t.test('a pipe or a folder in the place of what SQLite keeps beside a database is refused', async t => {
  const folder = t.testdir({ 'x.db': '' })
  for (const suffix of ['-wal', '-shm', '-journal']) {
    const beside = join(folder, `x.db${suffix}`)
    execFileSync('mkfifo', [beside])
    t.throws(() => refuseNoFile(join(folder, 'x.db')), {
      code: 'CONFIG_INVALID',
      message: new RegExp(`x\\.db${suffix} is not a regular file`),
    })
    rmSync(beside)
    mkdirSync(beside)
    t.throws(() => refuseNoFile(join(folder, 'x.db')), { code: 'CONFIG_INVALID', message: /is a folder/ })
    rmSync(beside, { recursive: true })
  }
})

t.test('a journal or WAL with content is a leftover, an empty one is not', async t => {
  const folder = t.testdir({ 'x.db': '' })
  const file = join(folder, 'x.db')
  t.equal(hasLeftovers(file), false)
  writeFileSync(`${file}-wal`, '')
  t.equal(hasLeftovers(file), false)
  writeFileSync(`${file}-wal`, 'x')
  t.equal(hasLeftovers(file), true)
  t.equal(hasLeftovers(join(folder, 'none.db')), false)
})

/** Runs a program that has the database open as `d`, and is killed at its end. */
const runKilled = (file: string, program: string): Promise<unknown> => {
  const script = `const d = new (require('better-sqlite3'))(process.argv[1]); ${program}; process.kill(process.pid, 'SIGKILL')`
  return new Promise(resolve => spawn(process.execPath, ['-e', script, file], { cwd: root }).once('close', resolve))
}

t.test('a journal in the middle of a transaction is hot, one of a finished transaction or none is not', async t => {
  const file = join(t.testdir(), 'x.db')
  const connection = new Database(file)
  connection.exec('PRAGMA journal_mode = PERSIST; CREATE TABLE a (x)')
  connection.close()
  t.equal(hasHotJournal(file), false)
  t.equal(existsSync(`${file}-journal`), true)
  leaveHotJournal(file)
  t.equal(hasHotJournal(file), true)
  rmSync(`${file}-journal`)
  t.equal(hasHotJournal(file), false)
})

t.test(
  'what lies in the place of a journal and is none is refused, a finished one and none at all are not',
  async t => {
    const file = join(t.testdir(), 'x.db')
    for (const content of ['', '\0', '\0'.repeat(512), Buffer.from('d9d505f920a163d70000', 'hex')]) {
      writeFileSync(`${file}-journal`, content)
      t.doesNotThrow(() => refuseBadJournal(file))
    }
    for (const content of ['x', 'no journal', Buffer.from('d9d505f920a163d60000', 'hex')]) {
      writeFileSync(`${file}-journal`, content)
      t.throws(() => refuseBadJournal(file), { code: 'DATABASE_DAMAGED', message: /x\.db-journal is damaged/ })
    }
  },
)

t.test(
  'who opens the WAL of a killed writer finds its index made anew; beside a writer at work it goes on',
  async t => {
    const file = join(t.testdir(), 'x.db')
    const hub = new Database(file)
    hub.exec('PRAGMA journal_mode = WAL; CREATE TABLE a (x); INSERT INTO a VALUES (1)')
    t.equal(wasWalRecovered(file), false, 'the hub is at work')
    hub.close()
    t.equal(wasWalRecovered(file), false, 'there is no WAL')
    for (const spoil of [() => undefined, () => rmSync(`${file}-shm`)]) {
      await runKilled(file, "d.exec('INSERT INTO a VALUES (2)')")
      spoil()
      t.equal(wasWalRecovered(file), false, 'nobody has opened it yet')
      const next = new Database(file)
      next.prepare('SELECT * FROM a').get()
      t.equal(wasWalRecovered(file), true)
      next.close()
    }
  },
)

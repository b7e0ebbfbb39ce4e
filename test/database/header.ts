import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { isStrange, journalMode, refuseNoFile, refuseStrange } from '../../src/database/header.ts'

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
    t.equal(isStrange(file), false)
    refuseStrange(file)
  })
}

t.test('a file that begins as no database does is refused, also a short one', async t => {
  for (const content of ['SQLite', 'SQLite format 4\0', 'anything else, as long as it likes to be']) {
    const file = join(t.testdir({ 'x.db': content }), 'x.db')
    t.equal(isStrange(file), true)
    t.throws(() => refuseStrange(file), { code: 'DATABASE_DAMAGED' })
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
    t.throws(() => refuseStrange(file), { code: 'DATABASE_DAMAGED' })
  })
}

t.test('a folder and a pipe are no files, and are not read', async t => {
  const folder = t.testdir({ 'x.db': {} })
  execFileSync('mkfifo', [join(folder, 'pipe')])
  for (const name of ['x.db', 'pipe']) {
    t.throws(() => refuseStrange(join(folder, name)), { code: 'CONFIG_INVALID' })
    t.throws(() => refuseNoFile(join(folder, name)), { code: 'CONFIG_INVALID' })
  }
  refuseNoFile(join(folder, 'none'))
})

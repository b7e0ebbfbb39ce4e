import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { attempt } from '../../src/failure.ts'
import { openSnapshot } from '../../src/sqlite/snapshot.ts'
import { leaveHotJournal } from '../help/hot-journal.ts'
import { asOther, notRoot } from '../help/user.ts'
import '../help/use-uri.ts'

/** A database in WAL mode of which the first table's page is none. */
const makeBroken = (file: string): void => {
  const connection = new Database(file)
  connection.exec('PRAGMA journal_mode = WAL; CREATE TABLE a (x)')
  connection.close()
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.fill(0xff, 100, 108))
}

for (const [title, make, code] of [
  ['is no database', (file: string) => writeFileSync(file, 'no database, '.repeat(100)), 'SQLITE_NOTADB'],
  ['is damaged', makeBroken, 'SQLITE_CORRUPT'],
  [
    'is damaged, and was left by a killed writer',
    (file: string) => {
      makeBroken(file)
      writeFileSync(`${file}-wal`, 'half a WAL')
    },
    'SQLITE_CORRUPT',
  ],
] as const)
  t.test(`a file that ${title} is refused, and nothing of it is left open or lying about`, async t => {
    const file = join(t.testdir(), 'x.db')
    make(file)
    const { TMPDIR = tmpdir() } = process.env
    t.teardown(() => Object.assign(process.env, { TMPDIR }))
    process.env.TMPDIR = t.testdirName
    const before = readdirSync(t.testdirName)
    t.throws(() => openSnapshot(file), { code })
    t.strictSame(readdirSync(t.testdirName), before)
    const open = readdirSync('/proc/self/fd').map(entry => attempt(() => readlinkSync(`/proc/self/fd/${entry}`)))
    t.notOk(open.some(it => 'value' in it && it.value.startsWith(t.testdirName)))
  })

t.test('what a killed writer left is read in a copy by a user who may not roll it back', { skip: notRoot }, async t => {
  const file = join(t.testdir(), 'x.db')
  const connection = new Database(file)
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)')
  connection.close()
  leaveHotJournal(file)
  t.ok(existsSync(`${file}-journal`))
  const count = await asOther(() => {
    const { connection, close } = openSnapshot(file)
    const found = connection.prepare('SELECT count(*) FROM a').pluck().get()
    close()
    return found
  })
  t.equal(count, 2)
  t.ok(existsSync(`${file}-journal`))
})

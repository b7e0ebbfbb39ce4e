import '../help/use-uri.ts'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { look } from '../../src/database/look.ts'
import type { Connection } from '../../src/database/open.ts'
import { withMount } from '../help/mount.ts'

/** A closed database with one row. */
const make = (t: Pick<Test, 'testdir'>, mode: 'wal' | 'delete') => {
  const folder = t.testdir({ live: {}, 'a #?%.d': {} })
  const file = join(folder, 'a #?%.d', 'x.db')
  const connection = new Database(file)
  connection.pragma(`journal_mode = ${mode}`)
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1)')
  connection.close()
  return { file, folder: join(folder, 'a #?%.d') }
}
const count = (connection: Connection) => connection.prepare('SELECT count(*) FROM a').pluck().get()
const temporaryFolders = () => readdirSync(tmpdir()).filter(entry => entry.startsWith('migrator-'))

for (const mode of ['wal', 'delete'] as const) {
  t.test(`a closed database in journal mode ${mode} is read without a trace`, async t => {
    const { file, folder } = make(t, mode)
    const before = readFileSync(file)
    t.equal(look(file, count), 1)
    t.strictSame(readdirSync(folder), ['x.db'])
    t.ok(before.equals(readFileSync(file)))
    t.throws(() => look(file, connection => connection.exec('DELETE FROM a')), { code: 'SQLITE_READONLY' })
  })

  t.test(`what a writer committed a moment ago is seen, in journal mode ${mode}`, async t => {
    const { file } = make(t, mode)
    const writer = new Database(file)
    writer.exec('INSERT INTO a VALUES (2)')
    t.equal(look(file, count), 2)
    writer.close()
  })
}

t.test('all that is read is of one moment, though a hub commits in between', async t => {
  const { file } = make(t, 'wal')
  const hub = new Database(file)
  hub.exec('INSERT INTO a VALUES (2)')
  const counts = look(file, connection => {
    const first = count(connection)
    hub.exec('INSERT INTO a VALUES (3)')
    return [first, count(connection)]
  })
  t.strictSame(counts, [2, 2])
  t.equal(count(hub), 3)
  hub.close()
})

t.test('who starts to write during the look makes it look again', async t => {
  const { file } = make(t, 'wal')
  const found: unknown[] = []
  const writers: Database.Database[] = []
  const last = look(file, connection => {
    found.push(count(connection))
    if (writers.length === 0) {
      const writer = new Database(file)
      writers.push(writer)
      writer.exec('INSERT INTO a VALUES (2)')
    }
    return count(connection)
  })
  t.strictSame([found, last], [[1, 2], 2])
  for (const writer of writers) writer.close()
})

t.test('what a killed writer committed is read from a copy, and the original stays', async t => {
  const { file, folder } = make(t, 'wal')
  const writer = new Database(file)
  writer.exec('INSERT INTO a VALUES (2)')
  const copy = join(folder, '../live/x.db')
  for (const suffix of ['', '-wal']) copyFileSync(file + suffix, copy + suffix)
  writer.close()
  t.equal(look(copy, count), 2)
  t.strictSame(readdirSync(join(folder, '../live')), ['x.db', 'x.db-wal'])
  t.strictSame(temporaryFolders(), [])
})

t.test('what a killed writer had not committed is not seen', async t => {
  const { file, folder } = make(t, 'delete')
  const writer = new Database(file)
  // so that changed pages and the journal reach the disk before the commit
  writer.pragma('cache_size = 1')
  writer.exec(`BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    INSERT INTO a SELECT randomblob(1000) FROM n`)
  const copy = join(folder, '../live/x.db')
  for (const suffix of ['', '-journal']) copyFileSync(file + suffix, copy + suffix)
  writer.exec('ROLLBACK')
  writer.close()
  t.equal(look(copy, count), 1)
  t.strictSame(readdirSync(join(folder, '../live')), ['x.db', 'x.db-journal'])
  t.strictSame(temporaryFolders(), [])
})

t.test('errors of the work are thrown on', async t => {
  const { file } = make(t, 'delete')
  t.throws(
    () =>
      look(file, () => {
        throw new Error('mine')
      }),
    { message: 'mine' },
  )
  t.throws(() => look(file, connection => connection.exec('SELECT * FROM b')), { code: 'SQLITE_ERROR' })
})

t.test(
  'a read-only mount is read, whoever closed the database or not',
  { skip: process.getuid?.() !== 0 && 'needs root, to mount' },
  async t => {
    const { file, folder } = make(t, 'wal')
    await withMount(folder, ['--bind', '-o', 'ro', folder], async () => {
      // the option counts only when a bind mount is made anew
      t.equal(look(file, count), 1)
    })
    t.equal(existsSync(`${file}-shm`), false)
  },
)

t.test('a file that is no database is told as such', async t => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'a'))
  const file = join(folder, 'x.db')
  writeFileSync(file, 'no database'.repeat(100))
  t.throws(() => look(file, count), { code: 'SQLITE_NOTADB' })
  t.throws(() => look(join(folder, 'a'), count), { code: 'CONFIG_INVALID', message: /is a folder/ })
  rmSync(file)
  t.throws(() => look(file, count), { code: 'ENOENT' })
})

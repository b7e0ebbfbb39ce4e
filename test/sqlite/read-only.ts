import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import type { Connection, Patience } from '../../src/sqlite/connect.ts'
import { copyFiles, copyWithoutTrace, readOnly, withCopy } from '../../src/sqlite/read-only.ts'
import { makeContext } from '../help/context.ts'
import { makeMigrated } from '../help/migrated.ts'
import { withMount } from '../help/mount.ts'
import { dump } from '../help/program.ts'
import '../help/use-uri.ts'

// other runs of the program have folders in the machine's
const { TMPDIR } = process.env
process.env.TMPDIR = t.testdir()
t.teardown(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
})

t.test('the copy is the database, and goes with its folder when the work is done, or fails', async t => {
  const { folder, file, connection } = await makeMigrated(t)
  connection.close()
  const context = await makeContext(folder)
  const before = readdirSync(folder)
  const copies: string[] = []
  await withCopy(context, async copy => {
    copies.push(copy)
    t.equal(dump(copy), dump(file))
  })
  const failing = withCopy(context, async copy => {
    copies.push(copy)
    throw new Error('out of luck')
  })
  await t.rejects(failing, { message: 'out of luck' })
  for (const copy of copies) t.equal(existsSync(join(copy, '..')), false)
  t.strictSame(
    readdirSync(folder).filter(name => !/-(?:wal|shm)$/.test(name)),
    before,
  )
})

t.test('where there is no database there is no copy', async t => {
  await withCopy(await makeContext(t.testdir()), async copy => t.equal(existsSync(copy), false))
})

t.test('what was full is the temporary folder, and the failure says so', async t => {
  const full = withCopy(await makeContext(t.testdir()), async () => {
    throw Object.assign(new Error('no room'), { code: 'SQLITE_FULL' })
  })
  await t.rejects(full, { code: 'DISK_FULL', message: /temporary folder is full/, hint: /TMPDIR/ })
})

const patience: Patience = { lockTimeout: 0, signal: new AbortController().signal, onWait: () => undefined }

/** A closed database with one row. */
const make = (t: Pick<Test, 'testdir'>, mode: 'wal' | 'delete') => {
  const folder = t.testdir({ volume: {}, live: {}, copies: {} })
  const file = join(folder, 'volume/x.db')
  const connection = new Database(file)
  connection.pragma(`journal_mode = ${mode}`)
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1)')
  connection.close()
  return { file, folder, copy: join(folder, 'copies/x.db') }
}
const read = (file: string) => {
  const connection = new Database(file)
  try {
    const rows = connection.prepare('SELECT count(*) FROM a').pluck().get()
    return [
      rows,
      connection.pragma('integrity_check', { simple: true }),
      connection.pragma('journal_mode', { simple: true }),
    ]
  } finally {
    connection.close()
  }
}

for (const mode of ['wal', 'delete'] as const) {
  t.test(`a closed database in journal mode ${mode} is copied byte by byte, without a trace`, async t => {
    const { file, folder, copy } = make(t, mode)
    const before = readFileSync(file)
    await copyWithoutTrace(file, copy, patience)
    t.strictSame(readdirSync(join(folder, 'volume')), ['x.db'])
    t.ok(before.equals(readFileSync(file)))
    t.strictSame(read(copy), [1, 'ok', mode])
  })

  t.test(`what a writer committed a moment ago is in the copy, in journal mode ${mode}`, async t => {
    const { file, copy } = make(t, mode)
    const writer = new Database(file)
    writer.exec('INSERT INTO a VALUES (2)')
    await copyWithoutTrace(file, copy, patience)
    t.strictSame(read(copy), [2, 'ok', mode])
    writer.close()
  })
}

t.test('a writer goes on while it is copied, and the copy is of one moment', async t => {
  const { file, copy } = make(t, 'wal')
  const writer = new Database(file)
  const insert = writer.prepare('INSERT INTO a VALUES (randomblob(3000))')
  writer.transaction(() => {
    for (let row = 1; row < 10_000; row += 1) insert.run()
  })()
  const counts = { meanwhile: 0 }
  const timer = setInterval(() => {
    insert.run()
    counts.meanwhile += 1
  }, 1)
  await copyWithoutTrace(file, copy, patience)
  clearInterval(timer)
  t.ok(counts.meanwhile > 0)
  t.strictSame(read(copy), [10_000, 'ok', 'wal'])
  t.equal(writer.prepare('SELECT count(*) FROM a').pluck().get(), 10_000 + counts.meanwhile)
  writer.close()
})

t.test('who starts to write while a still one is copied makes it be copied again', async t => {
  const { file, copy } = make(t, 'wal')
  const first = new Database(file)
  first.exec(`WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
    INSERT INTO a SELECT randomblob(3000) FROM n`)
  first.close()
  const copied = copyWithoutTrace(file, copy, patience)
  while (!existsSync(copy)) await setImmediate()
  const writer = new Database(file)
  writer.exec('INSERT INTO a VALUES (2)')
  await copied
  t.strictSame(read(copy), [10_001, 'ok', 'wal'])
  writer.close()
})

t.test('what a killed writer left is put together in the copy alone', async t => {
  for (const [mode, suffix, rows] of [
    ['wal', '-wal', 2],
    ['delete', '-journal', 1],
  ] as const) {
    const { file, folder, copy } = make(t, mode)
    const writer = new Database(file)
    writer.pragma('cache_size = 1')
    writer.exec(
      mode === 'wal'
        ? 'INSERT INTO a VALUES (2)'
        : `BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
      INSERT INTO a SELECT randomblob(1000) FROM n`,
    )
    const live = join(folder, 'live/x.db')
    for (const part of ['', suffix]) copyFileSync(file + part, live + part)
    writer.close()
    await copyWithoutTrace(live, copy, patience)
    t.strictSame(read(copy), [rows, 'ok', mode])
    t.strictSame(readdirSync(join(folder, 'live')), ['x.db', `x.db${suffix}`])
  }
})

t.test('a writer that holds the database past the timeout is an error', async t => {
  const { file, copy } = make(t, 'delete')
  const writer = new Database(file)
  writer.exec('BEGIN EXCLUSIVE')
  await t.rejects(copyWithoutTrace(file, copy, patience), { code: 'SQLITE_BUSY' })
  writer.close()
})

t.test('a signal ends it between pages', async t => {
  const { file, copy } = make(t, 'delete')
  const writer = new Database(file)
  writer.exec('INSERT INTO a VALUES (randomblob(1000000))')
  writer.close()
  const controller = new AbortController()
  const outcome = copyWithoutTrace(file, copy, { ...patience, signal: controller.signal })
  controller.abort(new Error('stopped'))
  await t.rejects(outcome, { message: 'stopped' })
})

t.test(
  'a read-only mount is copied, whoever closed the database or not',
  { skip: process.getuid?.() !== 0 && 'needs root, to mount' },
  async t => {
    const { file, folder, copy } = make(t, 'wal')
    await withMount(join(folder, 'volume'), ['--bind', '-o', 'ro', join(folder, 'volume')], () =>
      copyWithoutTrace(file, copy, patience),
    )
    t.strictSame(read(copy), [1, 'ok', 'wal'])
    t.equal(existsSync(`${file}-shm`), false)
  },
)

t.test('a file that is no database is told as such', async t => {
  const folder = t.testdir()
  const file = join(folder, 'x.db')
  writeFileSync(file, 'no database'.repeat(100))
  await t.rejects(copyWithoutTrace(file, join(folder, 'copy.db'), patience), { code: 'SQLITE_NOTADB' })
  // WAL mode by its header, and nothing else
  const header = Buffer.alloc(1000, 'no database')
  header[18] = 2
  writeFileSync(file, header)
  await t.rejects(copyWithoutTrace(file, join(folder, 'copy.db'), patience), { code: 'SQLITE_NOTADB' })
})

/** A closed database with one row. */
const makeFile = (t: Pick<Test, 'testdir'>, mode: 'wal' | 'delete') => {
  const folder = t.testdir({ live: {}, 'a #?%.d': {} })
  const file = join(folder, 'a #?%.d', 'x.db')
  const connection = new Database(file)
  connection.pragma(`journal_mode = ${mode}`)
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1)')
  connection.close()
  return { file, folder: join(folder, 'a #?%.d') }
}
const count = async (connection: Connection) => connection.prepare('SELECT count(*) FROM a').pluck().get()
const temporaryFolders = () => readdirSync(tmpdir()).filter(entry => entry.startsWith('migrator-'))

for (const mode of ['wal', 'delete'] as const) {
  t.test(`a closed database in journal mode ${mode} is read without a trace`, async t => {
    const { file, folder } = makeFile(t, mode)
    const before = readFileSync(file)
    t.equal(await readOnly(file, count), 1)
    t.strictSame(readdirSync(folder), ['x.db'])
    t.ok(before.equals(readFileSync(file)))
    await t.rejects(
      readOnly(file, async connection => connection.exec('DELETE FROM a')),
      { code: 'SQLITE_READONLY' },
    )
  })

  t.test(`what a writer committed a moment ago is seen, in journal mode ${mode}`, async t => {
    const { file } = makeFile(t, mode)
    const writer = new Database(file)
    writer.exec('INSERT INTO a VALUES (2)')
    t.equal(await readOnly(file, count), 2)
    writer.close()
  })
}

t.test('all that is read is of one moment, though a hub commits in between', async t => {
  const { file } = makeFile(t, 'wal')
  const hub = new Database(file)
  hub.exec('INSERT INTO a VALUES (2)')
  const counts = await readOnly(file, async connection => {
    const first = await count(connection)
    hub.exec('INSERT INTO a VALUES (3)')
    return [first, await count(connection)]
  })
  t.strictSame(counts, [2, 2])
  t.equal(await count(hub), 3)
  hub.close()
})

t.test('who starts to write during the look makes it look again', async t => {
  const { file } = makeFile(t, 'wal')
  const found: unknown[] = []
  const writers: Database.Database[] = []
  const last = await readOnly(file, async connection => {
    found.push(await count(connection))
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
  const { file, folder } = makeFile(t, 'wal')
  const writer = new Database(file)
  writer.exec('INSERT INTO a VALUES (2)')
  const copy = join(folder, '../live/x.db')
  for (const suffix of ['', '-wal']) copyFileSync(file + suffix, copy + suffix)
  writer.close()
  t.equal(await readOnly(copy, count), 2)
  t.strictSame(readdirSync(join(folder, '../live')), ['x.db', 'x.db-wal'])
  t.strictSame(temporaryFolders(), [])
})

t.test('what a killed writer had not committed is not seen', async t => {
  const { file, folder } = makeFile(t, 'delete')
  const writer = new Database(file)
  // so that changed pages and the journal reach the disk before the commit
  writer.pragma('cache_size = 1')
  writer.exec(`BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    INSERT INTO a SELECT randomblob(1000) FROM n`)
  const copy = join(folder, '../live/x.db')
  for (const suffix of ['', '-journal']) copyFileSync(file + suffix, copy + suffix)
  writer.exec('ROLLBACK')
  writer.close()
  t.equal(await readOnly(copy, count), 1)
  t.strictSame(readdirSync(join(folder, '../live')), ['x.db', 'x.db-journal'])
  t.strictSame(temporaryFolders(), [])
})

t.test('errors of the work are thrown on', async t => {
  const { file } = makeFile(t, 'delete')
  await t.rejects(
    readOnly(file, async () => {
      throw new Error('mine')
    }),
    { message: 'mine' },
  )
  await t.rejects(
    readOnly(file, async connection => connection.exec('SELECT * FROM b')),
    { code: 'SQLITE_ERROR' },
  )
})

t.test(
  'a read-only mount is read, whoever closed the database or not',
  { skip: process.getuid?.() !== 0 && 'needs root, to mount' },
  async t => {
    const { file, folder } = makeFile(t, 'wal')
    await withMount(folder, ['--bind', '-o', 'ro', folder], async () => {
      // the option counts only when a bind mount is made anew
      t.equal(await readOnly(file, count), 1)
    })
    t.equal(existsSync(`${file}-shm`), false)
  },
)

t.test('a file that is no database is told as such', async t => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'a'))
  const file = join(folder, 'x.db')
  writeFileSync(file, 'no database'.repeat(100))
  await t.rejects(readOnly(file, count), { code: 'SQLITE_NOTADB' })
  await t.rejects(readOnly(join(folder, 'a'), count), { code: 'CONFIG_INVALID', message: /is a folder/ })
  rmSync(file)
  await t.rejects(readOnly(file, count), { code: 'ENOENT' })
})

t.test('files that are gone before they are copied are copied anew, a few times', async t => {
  const folder = t.testdir({ 'x.db': 'whole', 'x.db-journal': 'half' })
  copyFiles(join(folder, 'x.db'), join(folder, 'copy.db'))
  t.equal(readFileSync(join(folder, 'copy.db-journal'), 'utf8'), 'half')
  t.throws(() => copyFiles(join(folder, 'x.db'), join(folder, 'none/copy.db')), { code: 'ENOENT' })
})

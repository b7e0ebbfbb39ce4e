import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t from 'tap'
import { copyByHelper, copyDatabase, copyQuickly } from '../../src/sqlite/copy.ts'
import { lingeringIn, makeHelper } from '../help/helper.ts'
import { leaveHotJournal } from '../help/hot-journal.ts'
import { dump, root, runPatched } from '../help/program.ts'
import '../help/use-uri.ts'

const make = (folder: string, mode: 'wal' | 'delete'): string => {
  const file = join(folder, 'x.db')
  const connection = new Database(file)
  connection.pragma(`journal_mode = ${mode}`)
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)')
  connection.close()
  return file
}
const oneTable = { findings: [], unchecked: [], rows: [{ name: 'a', rows: 2 }] }

for (const mode of ['wal', 'delete'] as const) {
  t.test(`a copy is the database, in the same journal mode (${mode}), and one file`, async t => {
    const folder = t.testdir({ copies: {} })
    const file = make(folder, mode)
    const copy = join(folder, 'copies/x.db')
    t.strictSame(await copyDatabase(file, copy, 'integrity_check'), oneTable)
    t.strictSame(readdirSync(join(folder, 'copies')), ['x.db'])
    t.equal(dump(copy), dump(file))
    const connection = new Database(copy)
    t.equal(connection.pragma('journal_mode', { simple: true }), mode)
    connection.close()
  })
}

t.test('what is only in the WAL is in the copy', async t => {
  const folder = t.testdir({ copies: {} })
  const file = make(folder, 'wal')
  const hub = new Database(file)
  hub.exec('INSERT INTO a VALUES (3)')
  const copy = join(folder, 'copies/x.db')
  t.strictSame(await copyDatabase(file, copy, 'quick_check'), {
    findings: [],
    unchecked: [],
    rows: [{ name: 'a', rows: 3 }],
  })
  t.strictSame(readdirSync(join(folder, 'copies')), ['x.db'])
  hub.close()
})

t.test(
  'what a killed writer left in a hot journal is rolled back in the copy, and stays beside the original',
  async t => {
    const folder = t.testdir({ copies: {} })
    const file = make(folder, 'delete')
    leaveHotJournal(file)
    t.ok(existsSync(`${file}-journal`))
    const copy = join(folder, 'copies/x.db')
    t.strictSame(await copyDatabase(file, copy, 'integrity_check'), oneTable)
    t.strictSame(readdirSync(join(folder, 'copies')), ['x.db'])
    t.ok(existsSync(`${file}-journal`))
  },
)

t.test('a WAL that is begun anew beside a reader while it is copied is no part of what that reads', async t => {
  const folder = t.testdir({ copies: {} })
  const file = make(folder, 'wal')
  // what is in the WAL is in the file, so a write begins the WAL anew
  const patch = `const { copyFileSync } = fs
    fs.copyFileSync = (from, to, mode) => {
      copyFileSync(from, to, mode)
      if (from === ${JSON.stringify(file)}) globalThis.writer.exec('INSERT INTO a VALUES (4)')
    }`
  const code = `import Database from 'better-sqlite3'
    const { copyDatabase } = await import(src + 'sqlite/copy.ts')
    globalThis.writer = new Database(${JSON.stringify(file)})
    writer.exec('INSERT INTO a VALUES (3)')
    writer.pragma('wal_checkpoint(FULL)')
    const reader = new Database(${JSON.stringify(file)})
    reader.exec('BEGIN; SELECT count(*) FROM a')
    const { rows } = await copyDatabase(${JSON.stringify(file)}, ${JSON.stringify(join(folder, 'copies/x.db'))}, 'quick_check')
    const count = connection => connection.prepare('SELECT count(*) FROM a').pluck().get()
    console.log(JSON.stringify({ rows, read: count(reader), written: count(writer) }))`
  t.strictSame(JSON.parse(runPatched(folder, patch, code)), { rows: [{ name: 'a', rows: 3 }], read: 3, written: 4 })
  t.strictSame(readdirSync(join(folder, 'copies')), ['x.db'])
})

/** Has another process commit, and die before its commit is in the WAL index: puts the index back as it was before. */
const commitUnseen = (file: string, sql: string): void => {
  const script = `const { readFileSync, openSync, writeSync } = require('fs')
    const [file, sql] = process.argv.slice(1)
    const header = readFileSync(file + '-shm').subarray(0, 96)
    const writer = new (require('better-sqlite3'))(file)
    writer.exec(sql)
    writeSync(openSync(file + '-shm', 'r+'), header, 0, 96, 0)
    process.kill(process.pid, 'SIGKILL')`
  const { signal } = spawnSync(process.execPath, ['-e', script, file, sql], { cwd: root })
  if (signal !== 'SIGKILL') throw new Error('the writer was to be killed')
}

for (const [title, checkpoint] of [
  ['behind another one in a WAL', undefined],
  ['in a WAL', 'PASSIVE'],
  ['at the head of a WAL that begins anew', 'RESTART'],
] as const) {
  t.test(
    `a commit ${title} whose writer was killed before any reader could see it is in no copy of an open database`,
    async t => {
      const folder = t.testdir({ copies: {} })
      const file = make(folder, 'wal')
      const hub = new Database(file)
      hub.exec('INSERT INTO a VALUES (3)')
      if (checkpoint !== undefined) hub.pragma(`wal_checkpoint(${checkpoint})`)
      commitUnseen(file, 'INSERT INTO a VALUES (4), (5)')
      const count = hub.prepare('SELECT count(*) FROM a').pluck()
      hub.exec('BEGIN IMMEDIATE')
      t.equal(count.get(), 3)
      const open = await copyDatabase(file, join(folder, 'copies/open.db'), 'integrity_check', 'open')
      t.strictSame(open.rows, [{ name: 'a', rows: 3 }])
      t.strictSame(open.findings, [])
      // at rest SQLite recovers it, as it does for the next program that opens the database
      const rest = await copyDatabase(file, join(folder, 'copies/rest.db'), 'integrity_check')
      t.strictSame(rest.rows, [{ name: 'a', rows: 5 }])
      hub.exec('COMMIT')
      hub.close()
    },
  )
}

/** Copies with functions of Node's filesystem that are others. @returns what came of it, as JSON */
const copyPatched = (folder: string, patch: string): string => {
  const [from, to] = [make(folder, 'delete'), join(folder, 'copies/x.db')].map(path => JSON.stringify(path))
  const code = `const { copyDatabase } = await import(src + 'sqlite/copy.ts')
    try { console.log(JSON.stringify(await copyDatabase(${from}, ${to}, 'quick_check'))) } catch ({ code }) { console.log(code) }`
  return runPatched(folder, patch, code)
}
const throwing = (code: string): string => `throw Object.assign(new Error('${code}'), { code: '${code}' })`

t.test('on a filesystem without modes, where only root may set them, the bytes are copied', async t => {
  const folder = t.testdir({ copies: {} })
  t.strictSame(JSON.parse(copyPatched(folder, `fs.copyFileSync = () => { ${throwing('EPERM')} }`)), oneTable)
  t.equal(dump(join(folder, 'copies/x.db')), dump(join(folder, 'x.db')))
})

t.test('a copy that cannot be flushed is none', async t => {
  const patch = `fs.fsync = (descriptor, done) => { try { ${throwing('EIO')} } catch (error) { done(error) } }`
  t.equal(copyPatched(t.testdir({ copies: {} }), patch), 'EIO\n')
})

t.test('damage is copied, and found', async t => {
  const folder = t.testdir()
  const file = make(folder, 'delete')
  truncateSync(file, 4096)
  t.match(await copyDatabase(file, join(folder, 'copy.db'), 'quick_check'), {
    findings: [/malformed/],
    unchecked: [],
    rows: [],
  })
  writeFileSync(file, 'no database, '.repeat(100))
  writeFileSync(`${file}-wal`, 'no WAL')
  t.match(await copyDatabase(file, join(folder, 'other.db'), 'quick_check'), {
    findings: [/not those of a SQLite database/],
    rows: [],
  })
})

t.test('a copy has its place', async t => {
  const folder = t.testdir()
  await t.rejects(copyDatabase(make(folder, 'wal'), join(folder, 'none/x.db'), 'quick_check'), { code: 'ENOENT' })
})

const rounds = process.env.FAULTS === 'long' ? 50 : 2

/** Writes pairs of rows without pause, each in a transaction, and lets SQLite checkpoint and begin the WAL anew all the time. */
const hub = `
  const connection = new (require('better-sqlite3'))(process.argv[1], { timeout: 60_000 })
  connection.pragma('journal_mode = ' + process.argv[2])
  connection.pragma('wal_autocheckpoint = 20')
  const insert = connection.prepare('INSERT INTO a VALUES (?)')
  const pair = connection.transaction(number => { insert.run(number); insert.run(-number) })
  for (let number = 3; ; number += 1) { pair(number); if (number === 100) console.log('going') }`

for (const mode of ['wal', 'delete'] as const) {
  t.test(
    `beside a hub that writes without pause (${mode}), a copy is one state in each of ${rounds} rounds`,
    async t => {
      for (let round = 0; round < rounds; round += 1) {
        const folder = t.testdir()
        const file = make(folder, mode)
        const filler = new Database(file)
        filler.exec(`CREATE TABLE b (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)
        INSERT INTO b SELECT hex(randomblob(100)) FROM n`)
        filler.close()
        const writer = spawn(process.execPath, ['-e', hub, file, mode], {
          cwd: root,
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        await new Promise(resolve => writer.stdout.once('data', resolve))
        const reader = new Database(file, { timeout: 60_000 })
        reader.exec('BEGIN')
        reader.prepare('SELECT count(*) FROM a').get()
        await setTimeout(Math.random() * 50)
        const { findings } = await copyByHelper('it', file, join(folder, 'copy.db'), 'integrity_check', makeHelper())
        reader.close()
        writer.kill('SIGKILL')
        const copy = new Database(join(folder, 'copy.db'))
        const [sum, rows] = copy.prepare('SELECT sum(x), count(*) FROM a').raw().get() as [number, number]
        copy.close()
        if (findings.length > 0 || sum !== 3 || rows % 2 !== 0)
          t.fail(`round ${round}: ${findings}, sum ${sum}, ${rows} rows`)
      }
    },
  )
}

t.test(
  'a small database that this process has open is copied without a helper, a larger one and one with a WAL by one',
  async t => {
    const folder = t.testdir()
    const file = make(folder, 'wal')
    const none = makeHelper({ command: ['no-node', 'no-script'] })
    const copyBy = (name: string) => copyQuickly('it', file, join(folder, name), 'quick_check', none)
    await t.rejects(copyBy('closed.db'), { code: 'CONFIG_INVALID' }, 'it is not open here')
    const connection = new Database(file)
    connection.exec('BEGIN IMMEDIATE')
    t.strictSame(await copyBy('copy.db'), oneTable)
    t.equal(statSync(join(folder, 'copy.db')).mode & 0o777, 0o600)
    const other = new Database(file, { timeout: 0 })
    t.throws(() => other.exec('BEGIN IMMEDIATE'), { code: 'SQLITE_BUSY' }, 'the lock holds')
    connection.exec('COMMIT')
    t.equal(dump(join(folder, 'copy.db')), dump(file))
    await t.rejects(copyBy('copy.db'), { code: 'EEXIST' })
    other.exec('INSERT INTO a VALUES (3)')
    await t.rejects(copyBy('wal.db'), { code: 'CONFIG_INVALID' }, 'with a WAL')
    other.exec('INSERT INTO a VALUES (zeroblob(17000000))')
    other.pragma('wal_checkpoint(TRUNCATE)')
    await t.rejects(copyBy('large.db'), { code: 'CONFIG_INVALID' }, 'large')
    for (const opened of [connection, other]) opened.close()
  },
)

t.test('what is damaged is found in a copy without a helper, too', async t => {
  const folder = t.testdir()
  const file = make(folder, 'delete')
  const connection = new Database(file)
  connection.exec('BEGIN IMMEDIATE')
  truncateSync(file, 4096)
  const found = await copyQuickly('it', file, join(folder, 'copy.db'), 'quick_check', makeHelper())
  t.not(found.findings.length, 0)
  connection.close()
})

t.test('how far it is is told: first of the copy, then of its check', async t => {
  const folder = t.testdir()
  const file = make(folder, 'delete')
  const connection = new Database(file)
  connection.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 600000)
    INSERT INTO a SELECT hex(randomblob(100)) FROM n`)
  connection.close()
  const told: [string, number, number][] = []
  const helper = makeHelper({ command: lingeringIn(folder), onProgress: (...progress) => told.push(progress) })
  await copyByHelper('the copy', file, join(folder, 'copy.db'), 'integrity_check', helper)
  const works = [...new Set(told.map(([what]) => what))]
  t.strictSame(works, ['the copy', 'checking the copy'])
  t.ok(told.every(([, done, total]) => done >= 0 && done <= total))
})

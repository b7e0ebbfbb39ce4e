import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import t from 'tap'
import { replacedNames } from '../../src/backup/backups.ts'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { refuseOpenElsewhere, replaceDatabase } from '../../src/sqlite/replace.ts'
import { dump, root, runPatched } from '../help/program.ts'
import { uncounted } from '../help/uncounted.ts'
import { asOther, notRoot } from '../help/user.ts'

t.test(
  'a database that another process has open is refused, though it holds no lock; the process is named',
  async t => {
    const file = join(t.testdir({ 'homelab.db': '' }), 'homelab.db')
    const other = spawn('/bin/sh', ['-c', 'exec 3< "$0"; echo open; read end', file], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.teardown(() => other.kill())
    await new Promise(resolve => other.stdout.once('data', resolve))
    t.throws(() => refuseOpenElsewhere(file), {
      code: 'DATABASE_BUSY',
      message: new RegExp(`process ${other.pid} \\(sh\\)`),
    })
  },
)

t.test('this process itself, and another file of the same name, do not count', async t => {
  const folder = t.testdir({ 'homelab.db': '', other: { 'homelab.db': '' } })
  const connection = openDatabase(join(folder, 'homelab.db'))
  const other = spawn('/bin/sh', ['-c', 'exec 3< "$0"; echo open; exec sleep 60', join(folder, 'other/homelab.db')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => [other.kill(), connection.close()])
  await new Promise(resolve => other.stdout.once('data', resolve))
  refuseOpenElsewhere(join(folder, 'homelab.db'))
})

t.test('a database that is not there is open nowhere', async t => {
  refuseOpenElsewhere(join(t.testdir(), 'homelab.db'))
})

const replace = (database: string, replacement: string, withdraw: () => () => void) =>
  replaceDatabase(database, replacement, replacedNames(database), withdraw)

const make = (file: string, mode: string, value: string): string => {
  const connection = new Database(file)
  connection.pragma(`journal_mode = ${mode}`)
  connection.exec(`CREATE TABLE a (x); INSERT INTO a VALUES ('${value}')`)
  connection.close()
  return file
}
const valueIn = (file: string): unknown => {
  const connection = new Database(file, { readonly: true })
  const value = connection.prepare('SELECT x FROM a').pluck().get()
  connection.close()
  return value
}
const nothing = () => () => undefined
for (const mode of ['wal', 'delete', 'truncate']) {
  t.test(`the new database is in its place, and the old one (${mode}) kept whole under its own name`, async t => {
    const folder = t.testdir()
    const [file, next] = [make(join(folder, 'x.db'), mode, 'old'), make(join(folder, 'next.db'), 'wal', 'new')]
    const before = dump(file)
    const kept = replace(file, next, nothing) ?? ''
    t.match(kept, /x\.db\.replaced-\d{8}T\d{6}Z$/)
    t.strictSame(readdirSync(folder).toSorted(), ['x.db', kept.split('/').at(-1)])
    t.equal(dump(kept), before)
    t.equal(valueIn(file), 'new')
  })
}

t.test(
  'the WAL and shared memory of a killed writer are part of what is kept, and do not meet the new database',
  async t => {
    const folder = t.testdir()
    const [file, next] = [make(join(folder, 'x.db'), 'wal', 'old'), make(join(folder, 'next.db'), 'wal', 'new')]
    const script = `const d = new (require('better-sqlite3'))(process.argv[1]); d.exec("UPDATE a SET x = 'in the WAL'"); process.kill(process.pid, 'SIGKILL')`
    await new Promise(resolve => spawn(process.execPath, ['-e', script, file], { cwd: root }).once('close', resolve))
    t.ok(existsSync(`${file}-shm`))
    const kept = replace(file, next, nothing) ?? ''
    t.strictSame(readdirSync(folder).toSorted(), ['x.db', kept.split('/').at(-1)])
    t.equal(valueIn(kept), 'in the WAL')
    t.equal(valueIn(file), 'new')
  },
)

t.test('one that cannot be opened is moved aside with its journals', async t => {
  const folder = t.testdir({
    'x.db': 'no database, '.repeat(100),
    'x.db-wal': 'wal',
    'x.db-journal': 'journal',
    'x.db-shm': 'shm',
  })
  const [file, next] = [join(folder, 'x.db'), make(join(folder, 'next.db'), 'delete', 'new')]
  const before = readFileSync(file)
  const kept = replace(file, next, nothing) ?? ''
  t.strictSame(readFileSync(kept), before)
  t.equal(readFileSync(`${kept}-wal`, 'utf8'), 'wal')
  t.equal(readFileSync(`${kept}-journal`, 'utf8'), 'journal')
  t.equal(readdirSync(folder).length, 4)
  t.equal(valueIn(file), 'new')
})

t.test('one whose first page tells of more pages than there are is moved aside too', async t => {
  const folder = t.testdir()
  const [file, next] = [make(join(folder, 'x.db'), 'delete', 'old'), make(join(folder, 'next.db'), 'delete', 'new')]
  truncateSync(file, 4096)
  t.equal(readFileSync(replace(file, next, nothing) ?? '').length, 4096)
  t.equal(valueIn(file), 'new')
})

t.test('one with half a journal keeps that beside it: SQLite would do away with it', async t => {
  const folder = t.testdir()
  const [file, next] = [make(join(folder, 'x.db'), 'delete', 'old'), make(join(folder, 'next.db'), 'delete', 'new')]
  writeFileSync(`${file}-journal`, 'half a journal')
  const kept = replace(file, next, nothing) ?? ''
  t.equal(readFileSync(`${kept}-journal`, 'utf8'), 'half a journal')
  t.equal(valueIn(file), 'new')
})

t.test('a missing or empty one has nothing to keep, and a journal that it left is out of the way', async t => {
  for (const files of [{}, { 'x.db': '' }]) {
    const folder = t.testdir(files)
    const next = make(join(folder, 'next.db'), 'delete', 'new')
    t.equal(replace(join(folder, 'x.db'), next, nothing), undefined)
    t.equal(valueIn(join(folder, 'x.db')), 'new')
  }
  const folder = t.testdir({ 'x.db-wal': 'an old WAL' })
  const kept = replace(join(folder, 'x.db'), make(join(folder, 'next.db'), 'wal', 'new'), nothing)
  t.match(kept, /-wal$/)
  t.equal(readFileSync(String(kept), 'utf8'), 'an old WAL')
  t.equal(valueIn(join(folder, 'x.db')), 'new')
})

t.test('a journal alone is kept under a name of its own: beside an older database it would spoil that', async t => {
  for (const [suffix, files] of [
    ['-wal', {}],
    ['-journal', { 'x.db': '' }],
  ] as const) {
    const folder = t.testdir({ [`x.db${suffix}`]: 'whose it is nobody knows', ...files })
    const file = join(folder, 'x.db')
    const older = make(join(folder, 'x.db.replaced-20260102T000000Z'), 'delete', 'older')
    const kept = replace(file, make(join(folder, 'next.db'), 'delete', 'new'), nothing)
    const stem = String(kept).replace(/-(?:wal|journal)$/, '')
    t.match(stem, /x\.db\.replaced-\d{8}T\d{6}Z$/)
    t.equal(readFileSync(stem + suffix, 'utf8'), 'whose it is nobody knows')
    t.equal(existsSync(stem), 'x.db' in files, 'the empty file stays what the journal is of')
    t.strictSame(
      readdirSync(folder).filter(name => name.includes('20260102')),
      ['x.db.replaced-20260102T000000Z'],
    )
    t.equal(valueIn(older), 'older')
    t.equal(valueIn(file), 'new')
  }
})

for (const [title, prepare] of [
  ['in WAL mode', (file: string) => make(file, 'wal', 'old')],
  ['with a rollback journal', (file: string) => make(file, 'delete', 'old')],
  ['that cannot be opened', (file: string) => writeFileSync(file, 'no database, '.repeat(100))],
  ['that is lost, but for its WAL', () => undefined],
] as const) {
  t.test(`where the new one cannot take its place, a database ${title} stays as it was`, async t => {
    const folder = t.testdir({ x: '' })
    const file = join(folder, 'x.db')
    prepare(file)
    if (!title.endsWith('mode') && !title.endsWith('rollback journal')) writeFileSync(`${file}-wal`, 'a WAL')
    const contents = () => readdirSync(folder).map(name => [name, uncounted(join(folder, name))])
    const before = contents()
    const undone: string[] = []
    const withdraw = () => () => undone.push(file)
    t.throws(() => replace(file, join(folder, 'missing.db'), withdraw), { code: 'ENOENT' })
    t.strictSame(contents(), before)
    t.strictSame(undone, [file], 'what was withdrawn is put back')
  })
}

t.test('what keeps SQLite from the file, and is no damage, is told, and nothing is moved', async t => {
  const folder = t.testdir()
  const [file, next] = [make(join(folder, 'x.db'), 'wal', 'old'), make(join(folder, 'next.db'), 'wal', 'new')]
  mkdirSync(`${file}-wal`)
  t.throws(() => replace(file, next, nothing), { code: 'CONFIG_INVALID' })
  t.strictSame(readdirSync(folder).toSorted(), ['next.db', 'x.db', 'x.db-wal'])
})

t.test('a database that this user cannot open is told, and nothing is moved', { skip: notRoot }, async t => {
  const folder = t.testdir()
  const [file, next] = [make(join(folder, 'x.db'), 'wal', 'old'), make(join(folder, 'next.db'), 'wal', 'new')]
  chownSync(file, 1000, 1000)
  await asOther(() => t.throws(() => replace(file, next, nothing), { code: 'SQLITE_READONLY_DIRECTORY' }))
  t.strictSame(readdirSync(folder).toSorted(), ['next.db', 'x.db'])
})

/** Replaces x.db by next.db with functions of Node's filesystem that are others. @returns the failure */
const replacePatched = (folder: string, patch: string, isThere = true): Readonly<Record<string, unknown>> => {
  const [file, next] = [join(folder, 'x.db'), make(join(folder, 'next.db'), 'wal', 'new')]
  if (isThere) make(file, 'wal', 'old')
  const code = `const { replaceDatabase } = await import(src + 'sqlite/replace.ts')
    const { replacedNames } = await import(src + 'backup/backups.ts')
    try { replaceDatabase(${JSON.stringify(file)}, ${JSON.stringify(next)}, replacedNames(${JSON.stringify(file)}), () => () => undefined) }
    catch ({ code, message, hint }) { console.log(JSON.stringify({ code, message, hint })) }`
  return JSON.parse(
    runPatched(
      folder,
      `${patch}\nconst failed = code => { throw Object.assign(new Error(code), { code, errno: -5, syscall: 'fsync' }) }`,
      code,
    ),
  )
}

t.test('one that is in its place, and cannot be flushed, is told as such, with the name of the old one', async t => {
  const patch = (how: string) => `const { fsyncSync, renameSync } = fs
    let isReplaced = false
    fs.renameSync = (from, to) => { renameSync(from, to); isReplaced = to.endsWith('/x.db') }
    fs.fsyncSync = descriptor => isReplaced ? ${how} : fsyncSync(descriptor)`
  const notFlushed = ', but that could not be flushed to disk: '
  const hint = 'Fix that, then run `migrator up`, which checks the database again.'
  for (const [isThere, message] of [
    [true, new RegExp(`x\\.db is replaced; what was there is .*x\\.db\\.replaced-.*${notFlushed}`)],
    [false, new RegExp(`x\\.db is replaced${notFlushed}`)],
  ] as const) {
    const folder = t.testdir()
    t.match(replacePatched(folder, patch("failed('EIO')"), isThere), { code: 'DISK_FULL', message, hint })
    t.equal(valueIn(join(folder, 'x.db')), 'new')
  }
  t.match(
    replacePatched(t.testdir(), patch("failed('a bug')")),
    { message: 'a bug', hint: undefined },
    'what is no failure of a disk',
  )
})

t.test('a name for the old one that another program takes meanwhile is left to it', async t => {
  const folder = t.testdir()
  t.match(replacePatched(folder, "fs.linkSync = () => failed('EEXIST')"), {
    code: 'DATABASE_BUSY',
    message: /another program made .*x\.db\.replaced-/,
  })
  t.equal(valueIn(join(folder, 'x.db')), 'old')
})

t.test('where nothing can be withdrawn, nothing is moved', async t => {
  const folder = t.testdir()
  const [file, next] = [make(join(folder, 'x.db'), 'wal', 'old'), make(join(folder, 'next.db'), 'wal', 'new')]
  const before = uncounted(file)
  t.throws(
    () =>
      replace(file, next, () => {
        throw new Error('out of luck')
      }),
    { message: 'out of luck' },
  )
  t.strictSame(uncounted(file), before)
  t.strictSame(readdirSync(folder).toSorted(), ['next.db', 'x.db'])
})

t.test('the second name that a killed restore left is taken away: it is the database itself', async t => {
  const folder = t.testdir()
  const [file, next] = [make(join(folder, 'x.db'), 'delete', 'old'), make(join(folder, 'next.db'), 'delete', 'new')]
  linkSync(file, join(folder, 'x.db.replaced-20260101T000000Z'))
  writeFileSync(join(folder, 'x.db.replaced-20250101T000000Z'), 'an older one')
  const kept = replace(file, next, nothing) ?? ''
  t.strictSame(readdirSync(folder).toSorted(), ['x.db', 'x.db.replaced-20250101T000000Z', kept.split('/').at(-1)])
})

t.test('one that another process has open in WAL mode is not replaced, and nothing is moved', async t => {
  const folder = t.testdir()
  const [file, next] = [make(join(folder, 'x.db'), 'wal', 'old'), make(join(folder, 'next.db'), 'wal', 'new')]
  const script = `const d = new (require('better-sqlite3'))(process.argv[1]); d.prepare('SELECT * FROM a').get(); console.log('open'); setTimeout(() => {}, 60000)`
  const hub = spawn(process.execPath, ['-e', script, file], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => hub.kill())
  await new Promise(resolve => hub.stdout.once('data', resolve))
  let locked = false
  t.throws(
    () =>
      replace(file, next, () => {
        locked = true
        return () => undefined
      }),
    { code: 'DATABASE_BUSY' },
  )
  t.equal(locked, false)
  t.equal(valueIn(next), 'new')
})

/** In a thread, since processes of this container are seen: locks the file, replaces it, and has the new one open in WAL mode. */
const otherRestore = `
  const { parentPort, workerData: [file, next] } = require('node:worker_threads')
  const Database = require('better-sqlite3')
  const old = new Database(file)
  old.exec('BEGIN EXCLUSIVE')
  parentPort.postMessage('locked')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  require('node:fs').renameSync(next, file)
  const hub = new Database(file)
  hub.exec("UPDATE a SET x = 'of its hub'")
  old.exec('COMMIT')
  setInterval(() => hub, 1000)`

t.test(
  'of two restores at once the slower one is refused, and the hub on what the other restored loses nothing',
  async t => {
    const folder = t.testdir()
    const [file, first] = [make(join(folder, 'x.db'), 'delete', 'old'), make(join(folder, 'first.db'), 'wal', 'first')]
    const second = make(join(folder, 'second.db'), 'wal', 'second')
    const other = new Worker(otherRestore, { eval: true, workerData: [file, first] })
    t.teardown(() => other.terminate())
    await once(other, 'message')
    t.throws(() => replace(file, second, nothing), { code: 'DATABASE_BUSY' })
    t.equal(valueIn(file), 'of its hub')
    t.ok(statSync(`${file}-wal`).size > 0, 'its WAL is there')
    t.equal(valueIn(second), 'second')
  },
)

t.test('a lock says so where the process cannot be seen', async t => {
  const folder = t.testdir()
  const [file, next] = [make(join(folder, 'x.db'), 'wal', 'old'), make(join(folder, 'next.db'), 'wal', 'new')]
  // a connection of this process is not looked for among the others
  const hub = new Database(file)
  hub.prepare('SELECT * FROM a').get()
  t.throws(() => replace(file, next, nothing), { code: 'DATABASE_BUSY' })
  t.equal(hub.prepare('SELECT x FROM a').pluck().get(), 'old')
  hub.close()
  t.equal(valueIn(file), 'old')
})

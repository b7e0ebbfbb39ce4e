import {
  appendFileSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import {
  checkFile,
  checkFileByHelper,
  checkOf,
  countRows,
  countTables,
  refuseDamage,
  requireSound,
} from '../../src/sqlite/check.ts'
import { makeContext } from '../help/context.ts'
import { lingeringIn, makeHelper } from '../help/helper.ts'
import '../help/use-uri.ts'

t.test('MIGRATOR_CHECK=always reads the indexes too', async t => {
  t.equal(checkOf((await makeContext('/nowhere')).config), 'quick_check')
  t.equal(checkOf((await makeContext('/nowhere', { MIGRATOR_CHECK: 'always' })).config), 'integrity_check')
})

const make = (folder: string): string => {
  const file = join(folder, 'x.db')
  const connection = new Database(file)
  connection.exec(`CREATE TABLE a (x);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 600000) INSERT INTO a SELECT hex(randomblob(20)) FROM n`)
  connection.close()
  return file
}

t.test('a sound database passes, and how far the check is is told in bytes of its size', async t => {
  const folder = t.testdir()
  const file = make(folder)
  const told: [string, number, number][] = []
  const helper = makeHelper({ command: lingeringIn(folder), onProgress: (...progress) => told.push(progress) })
  await t.resolves(requireSound(file, 'integrity_check', helper))
  t.ok(told.length > 0)
  for (const [what, done, total] of told) t.ok(what === 'checking' && done <= total, `${done} of ${total}`)
  t.strictSame(await checkFileByHelper(file, 'quick_check', helper), {
    findings: [],
    unchecked: [],
    rows: [{ name: 'a', rows: 600_000 }],
  })
})

t.test('a damaged one is refused, with what was found', async t => {
  const file = make(t.testdir())
  truncateSync(file, 8192)
  await t.rejects(requireSound(file, 'quick_check', makeHelper()), { code: 'DATABASE_DAMAGED', message: /malformed/ })
})

t.test('findings are a refusal, none are not', async t => {
  refuseDamage('x.db', { findings: [], unchecked: [], rows: [] })
  t.throws(() => refuseDamage('x.db', { findings: ['a', 'b'], unchecked: [], rows: [] }), {
    code: 'DATABASE_DAMAGED',
    message: 'x.db is damaged: a; b',
  })
})

t.test('rows are counted per table, whatever its name; views and indexes have none', async t => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE b (x); CREATE TABLE "a ""quoted""" (x); INSERT INTO b VALUES (1), (2);
    CREATE VIEW v AS SELECT * FROM b; CREATE INDEX i ON b (x)`)
  t.strictSame(countTables(connection), [
    { name: 'a "quoted"', rows: 0 },
    { name: 'b', rows: 2 },
  ])
  t.strictSame(countRows(connection, 'v'), [2])
  connection.close()
})

const checks = ['quick_check', 'integrity_check'] as const

const makeDatabase = (folder: string, mode: 'wal' | 'delete' = 'delete'): string => {
  const file = join(folder, 'x.db')
  const connection = new Database(file)
  connection.pragma(`journal_mode = ${mode}`)
  connection.exec(`
    CREATE TABLE a (x); CREATE INDEX i ON a (x);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) INSERT INTO a SELECT 'value ' || i FROM n`)
  connection.close()
  return file
}

for (const mode of ['wal', 'delete'] as const) {
  t.test(`a sound database (${mode}) has no findings, and its rows are counted; nothing is left beside it`, async t => {
    const folder = t.testdir()
    const file = makeDatabase(folder, mode)
    for (const check of checks)
      t.strictSame(await checkFile(file, check), { findings: [], unchecked: [], rows: [{ name: 'a', rows: 2000 }] })
    t.strictSame(readdirSync(folder), ['x.db'])
  })
}

t.test('what breaks its own rules is found', async t => {
  const file = join(t.testdir(), 'x.db')
  const connection = new Database(file)
  connection.unsafeMode(true)
  connection.exec(`
    CREATE TABLE a (x); INSERT INTO a VALUES (NULL);
    PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE a (x NOT NULL)'`)
  connection.close()
  for (const check of checks)
    t.match(await checkFile(file, check), { findings: ['NULL value in a.x'], unchecked: [], rows: [] })
})

t.test('what keeps SQLite from the file is no damage', async t => {
  const file = join(t.testdir(), 'x.db')
  const connection = new Database(file)
  connection.exec('PRAGMA journal_mode = WAL; CREATE TABLE a (x)')
  // left by a killed writer, so a copy is read
  for (const suffix of ['', '-wal']) copyFileSync(file + suffix, join(t.testdirName, `copy.db${suffix}`))
  connection.close()
  const { TMPDIR = '/tmp' } = process.env
  t.teardown(() => Object.assign(process.env, { TMPDIR }))
  process.env.TMPDIR = '/nowhere'
  for (const check of checks)
    await t.rejects(checkFile(join(t.testdirName, 'copy.db'), check), {
      code: 'CONFIG_INVALID',
      message: /temporary folder \/nowhere/,
    })
})

t.test('tables that only the hub can read are passed over, and the others are read', async t => {
  const file = join(t.testdir(), 'x.db')
  const connection = new Database(file)
  connection.unsafeMode(true)
  connection.exec(`
    CREATE TABLE a (x); INSERT INTO a VALUES (NULL); CREATE TABLE b (x COLLATE NOCASE); CREATE INDEX i ON b (x);
    CREATE TABLE "c""d" (x); INSERT INTO b VALUES ('x'); PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'german') WHERE name = 'b';
    INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING vec0 (x)')`)
  connection.close()
  const sound = [
    { name: 'a', rows: 1 },
    { name: 'b', rows: 1 },
    { name: 'c"d', rows: 0 },
  ]
  for (const check of checks)
    t.match(await checkFile(file, check), { findings: [], unchecked: [/^table b: no such collation/], rows: sound })
  const other = new Database(file)
  other.unsafeMode(true)
  other.exec(
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE a (x NOT NULL)' WHERE name = 'a'",
  )
  other.close()
  for (const check of checks) t.match(await checkFile(file, check), { findings: ['NULL value in a.x'], rows: [] })
})

t.test('an index that does not match its table is found by integrity_check, and not by quick_check', async t => {
  const file = makeDatabase(t.testdir())
  const connection = new Database(file)
  connection.unsafeMode(true)
  connection.exec(`PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'i'`)
  connection.close()
  const writer = new Database(file)
  writer.exec("UPDATE a SET x = 'another' WHERE rowid = 1")
  writer.unsafeMode(true)
  writer.exec(
    `PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('index', 'i', 'a', 3, 'CREATE INDEX i ON a (x)')`,
  )
  writer.close()
  t.strictSame((await checkFile(file, 'quick_check')).findings, [])
  t.match(await checkFile(file, 'integrity_check'), { findings: [/index i/] })
})

for (const [title, spoil] of [
  [
    'no database at all',
    (file: string) => writeFileSync(file, 'this is no database, but a text that is long enough to be one'.repeat(20)),
  ],
  ['cut in the middle', (file: string) => truncateSync(file, 3 * 4096)],
  ['cut within a page', (file: string) => truncateSync(file, readFileSync(file).length - 100)],
  ['with a page more than it knows of', (file: string) => appendFileSync(file, Buffer.alloc(4096))],
  ['with some bytes more', (file: string) => appendFileSync(file, 'x')],
  [
    'with a page of zeros',
    (file: string) => {
      const descriptor = openSync(file, 'r+')
      writeSync(descriptor, Buffer.alloc(4096), 0, 4096, 2 * 4096)
      closeSync(descriptor)
    },
  ],
] as const) {
  t.test(`a file ${title} is found by both checks, and not touched`, async t => {
    const folder = t.testdir()
    const file = makeDatabase(folder)
    spoil(file)
    const before = readFileSync(file)
    for (const check of checks) {
      const { findings } = await checkFile(file, check)
      t.ok(findings.length > 0 && findings.length <= 3, findings.join('; '))
    }
    t.strictSame(readFileSync(file), before)
    t.strictSame(readdirSync(folder), ['x.db'])
  })
}

t.test('AUTOINCREMENT marks of no table are found, though SQLite itself finds nothing; any mark is none', async t => {
  const file = join(t.testdir(), 'x.db')
  const connection = new Database(file)
  connection.exec('CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a VALUES (7)')
  for (const mark of ['NULL', "'12'", '4.5']) {
    connection.exec(`INSERT INTO sqlite_sequence VALUES ('gone', ${mark})`)
    t.strictSame((await checkFile(file, 'integrity_check')).findings, [])
  }
  connection.exec('UPDATE sqlite_sequence SET name = NULL')
  connection.close()
  t.match((await checkFile(file, 'quick_check')).findings, [/4 rows of sqlite_sequence/])
})

t.test('a WAL that cannot be read is no finding but an error', async t => {
  const folder = t.testdir()
  const file = makeDatabase(folder, 'wal')
  mkdirSync(`${file}-wal`)
  await t.rejects(checkFile(file, 'quick_check'), { code: 'CONFIG_INVALID' })
})

t.test('a file that is not there is no finding but an error', async t => {
  await t.rejects(checkFile(join(t.testdir(), 'none.db'), 'quick_check'), { code: 'ENOENT' })
})

for (const [title, sql, unchecked] of [
  [
    'an index on a function of the hub',
    'CREATE INDEX i ON a (f(x))',
    /^the indexes of table a: unknown function: f\(\)$/,
  ],
  ['a partial index with one', 'CREATE INDEX i ON a (x) WHERE f(x) = 1', /^the indexes of table a: unknown function/],
  [
    'an index on a generated column with one',
    'ALTER TABLE a ADD COLUMN y AS (f(x)); CREATE INDEX i ON a (y)',
    /table a: /,
  ],
  ['a full-text index whose content is gone', 'CREATE VIRTUAL TABLE t USING fts4(content="gone", x)', /fts|FTS/],
] as const)
  t.test(`${title} is no damage, and is said to be unchecked`, async t => {
    const file = join(t.testdir(), 'x.db')
    const connection = new Database(file)
    connection.function('f', { deterministic: true, varargs: true }, () => 1)
    connection.exec(`CREATE TABLE a (x); INSERT INTO a VALUES (1); ${sql}`)
    connection.close()
    t.match(await checkFile(file, 'integrity_check'), {
      findings: [],
      unchecked: [unchecked],
      rows: [{ name: 'a', rows: 1 }],
    })
    t.match(await checkFile(file, 'quick_check'), { findings: [], rows: [{ name: 'a', rows: 1 }] })
  })

t.test(
  'what cannot be counted is no damage: a full-text index without its content, a name that is not UTF-8',
  async t => {
    const file = join(t.testdir(), 'x.db')
    const connection = new Database(file)
    connection.unsafeMode(true)
    connection.exec(`
    CREATE TABLE a (x); CREATE TABLE n (x); CREATE VIRTUAL TABLE t USING fts5(x, content=n); DROP TABLE n; CREATE TABLE cafe (x);
    PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = CAST(x'636166e9' AS TEXT), tbl_name = CAST(x'636166e9' AS TEXT),
      sql = CAST(x'435245415445205441424c452022636166e92220287829' AS TEXT) WHERE name = 'cafe'`)
    connection.close()
    for (const check of checks) t.match(await checkFile(file, check), { findings: [], rows: [{ name: 'a', rows: 0 }] })
  },
)

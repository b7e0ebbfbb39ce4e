import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { createDryRuns, dryRun, pendingOf, sizeNow } from '../../src/dry-run/try.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import type { LoadedMigration, Migration } from '../../src/migrations/load.ts'
import { readerOf } from '../../src/sqlite/reader.ts'
import { prepareHistory } from '../../src/sqlite/write-history.ts'
import { makeContext } from '../help/context.ts'
import { makeEditor } from '../help/editor.ts'
import { firstThree } from '../help/first-three.ts'

/** Trials on a database with two rows, in a transaction. */
const begin = (t: Pick<Test, 'teardown'>) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1), (2); CREATE TABLE SequelizeMeta (name); BEGIN')
  const names: string[] = []
  const { around, tried, trials } = createDryRuns(connection, name => names.push(name))
  const context = makeEditor(connection, around)
  const run = (up: Migration) => {
    const migration: LoadedMigration = {
      name: '0001-a',
      file: '',
      text: '',
      checksum: '',
      up,
      down: undefined,
      removesRows: [],
    }
    return tried(migration).up({ name: '0001-a', context })
  }
  return { connection, names, run, trials }
}

t.test('a trial has what the migration did, rows before and after, and by how much the database grew', async t => {
  const { names, run, trials } = begin(t)
  await run(async ({ context }) => {
    await context.sequelize.query('CREATE TABLE b (x)')
    await context.sequelize.query('INSERT INTO b VALUES (randomblob(100000))')
  })
  t.strictSame(names, ['0001-a'])
  t.match(trials, [
    {
      migration: { name: '0001-a' },
      recording: { steps: [{ sql: 'CREATE TABLE b (x)' }, { rows: 1 }] },
      before: [{ name: 'a', rows: 2 }],
      valuesBefore: [{ table: 'a', column: 'x', number: 2 }],
      end: {
        after: [
          { name: 'a', rows: 2 },
          { name: 'b', rows: 1 },
        ],
        valuesAfter: [
          { table: 'a', column: 'x', number: 2 },
          { table: 'b', column: 'x', number: 1 },
        ],
        milliseconds: Number,
        returned: true,
      },
    },
  ])
  t.ok(Number(trials[0]?.end?.bytes) > 100_000)
})

t.test('one that throws leaves its trial, and throws on', async t => {
  const { run, trials } = begin(t)
  const failing = run(async ({ context }) => {
    await context.sequelize.query('DELETE FROM a WHERE x = 1')
    throw new Error('out of luck')
  })
  await t.rejects(failing, { message: 'out of luck' })
  t.match(trials, [{ recording: { steps: [{ rows: 1 }] }, end: { after: [{ name: 'a', rows: 1 }], returned: false } }])
})

t.test('one that ends when all is over has no end', async t => {
  const { connection, run, trials } = begin(t)
  const late = run(() => setTimeout(10))
  connection.exec('ROLLBACK')
  await late
  t.match(trials, [{ end: undefined }])
})

t.test('the size of a database is that after a commit now', async t => {
  const { connection } = begin(t)
  const before = sizeNow(connection)
  connection.exec('INSERT INTO a VALUES (randomblob(8192))')
  t.equal(sizeNow(connection), before + 2 * 4096)
})

/** A copy in a folder of its own, and a context whose database is elsewhere. */
const prepare = async (
  t: Pick<Test, 'testdir'>,
  files: Readonly<Record<string, string>>,
  signal = new AbortController().signal,
) => {
  const folder = t.testdir({ migrations: files })
  const environment = { DATABASE_URL: 'sqlite:/v/homelab.db', MIGRATOR_MIGRATIONS: join(folder, 'migrations') }
  const context = { ...(await makeContext(folder, environment, signal)), version: '1.2.3' }
  const names: string[] = []
  const copy = join(folder, 'copy.db')
  const run = () => dryRun(context, readMigrationFiles(context.config.migrations), copy, name => names.push(name))
  return { copy, names, run }
}
const migration = (...statements: readonly string[]) =>
  `export const up = async ({ context }) => { for (const sql of ${JSON.stringify(statements)}) await context.sequelize.query(sql) }`

t.test('the copy is what up makes of it, and all that it took is measured', async t => {
  const grow = migration('CREATE TABLE a (x)', 'INSERT INTO a VALUES (randomblob(100000))')
  const { copy, names, run } = await prepare(t, {
    '0001-a.js': grow,
    '0002-b.js': migration('UPDATE a SET x = randomblob(100000)'),
  })
  const tried = await run()
  t.match(tried, {
    error: undefined,
    sqlite: /^3\.\d+\.\d+$/,
    history: [/^CREATE TABLE SequelizeMeta/],
    trials: [{}, {}],
  })
  t.strictSame(names, ['0001-a', '0002-b'])
  t.ok(tried.growth > 100_000 && tried.growth < 200_000, String(tried.growth))
  const connection = new Database(copy, { readonly: true })
  t.match(connection.prepare('SELECT name, migrator FROM SequelizeMeta').all(), [
    { name: '0001-a', migrator: '1.2.3' },
    { name: '0002-b' },
  ])
  connection.close()
})

for (const mode of ['delete', 'wal']) {
  t.test(`the journal is measured when it is largest, in journal mode ${mode}`, async t => {
    const { copy, run } = await prepare(t, {
      '0001-a.js': migration('CREATE TABLE a (x)'),
      '0002-b.js': migration('UPDATE b SET x = zeroblob(300000)'),
    })
    const connection = new Database(copy)
    prepareHistory(connection, [])
    connection.exec('CREATE TABLE b (x); INSERT INTO b VALUES (randomblob(300000))')
    connection.pragma(`journal_mode = ${mode}`)
    connection.close()
    const { journal, error } = await run()
    t.equal(error, undefined)
    t.ok(journal > 300_000 && journal < 500_000, String(journal))
  })
}

t.test('what fails is given back with what was done until then; what is wrong before is thrown', async t => {
  const { run } = await prepare(t, {
    '0001-a.js': migration('CREATE TABLE a (x)'),
    '0002-b.js': migration('DROP TABLE none'),
  })
  t.match(await run(), {
    trials: [{ end: { returned: true } }, { end: { returned: false } }],
    error: { code: 'MIGRATION_FAILED' },
    growth: 0,
  })
  const bad = await prepare(t, { '0001-bad.js': 'export const up =' })
  await t.rejects(bad.run(), { code: 'CONFIG_INVALID' })
  t.strictSame(bad.names, [])
})

t.test('a signal is thrown on, also between two statements', async t => {
  const controller = new AbortController()
  const { run } = await prepare(t, { '0001-a.js': migration('CREATE TABLE a (x)') }, controller.signal)
  controller.abort(new Error('stopped'))
  await t.rejects(run(), { message: 'stopped' })
})

t.test('a database of another program is refused under the name that is given', async t => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec('CREATE TABLE a (x)')
  const known = readMigrationFiles(firstThree)
  await t.rejects(pendingOf(readerOf(connection), known, '/v/x.db'), {
    code: 'HISTORY_CONFLICT',
    message: /\/v\/x\.db/,
  })
  prepareHistory(connection, [])
  t.match(await pendingOf(readerOf(connection), known, '/v/x.db'), known)
})

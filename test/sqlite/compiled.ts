/** The program's own migrations run as the statements that they are known to make, where nothing can differ. `npm run docs` writes them. */
import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import type { Present } from '../../src/engine.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { loadMigrations } from '../../src/migrations/load.ts'
import { compiledFor } from '../../src/sqlite/compiled/compiled.ts'
import { migrations } from '../../src/sqlite/compiled/migrations.ts'
import { readHistory } from '../../src/sqlite/history.ts'
import { readObjects } from '../../src/sqlite/reader.ts'
import { dump, root, runProgram, settingsFor } from '../help/program.ts'

const own = join(root, 'migrations')
const files = readMigrationFiles(own)
const names = files.map(({ name }) => name)

const presentIn = (connection: Database.Database): Present => ({
  objects: readObjects(connection),
  applied: readHistory(connection),
})

/** The names of the migrations that are compiled for a database, after these statements. */
const compiledAfter = (...statements: readonly string[]): readonly string[] => {
  const connection = new Database(':memory:')
  for (const sql of statements) connection.exec(sql)
  const found = [...compiledFor(files, presentIn(connection)).keys()]
  connection.close()
  return found
}
const history = 'CREATE TABLE SequelizeMeta (name TEXT NOT NULL PRIMARY KEY, checksum TEXT)'
const first = [history, String(migrations[0]?.sql), `INSERT INTO SequelizeMeta VALUES ('${names[0]}', 'x')`]

t.test('one of which the statements might depend on more than the schema runs as its code', async t => {
  const connection = new Database(':memory:')
  const own = migrations.map((migration, index) => (index === 1 ? { ...migration, sql: undefined } : migration))
  t.strictSame([...compiledFor(files, presentIn(connection), own).keys()], [names[0], ...names.slice(2)])
  connection.close()
})

t.test('they are compiled for an empty database, and for one as the applied ones made it', async t => {
  t.strictSame(compiledAfter(), names)
  t.strictSame(compiledAfter(...first), names)
})

t.test("a hub's own tables, indexes and triggers do not matter", async t => {
  const ofHub = ['CREATE TABLE sessions (id)', 'CREATE INDEX by_host ON servers (hostname)']
  t.strictSame(compiledAfter(...first, ...ofHub), names)
})

for (const [what, ...statements] of [
  ['a table that a later one makes', ...first, 'CREATE TABLE METRICS (id)'],
  ['an index that a later one makes', ...first, 'CREATE INDEX idx_metrics_server_timestamp ON servers (id)'],
  ['a table that was altered', ...first, 'ALTER TABLE servers ADD COLUMN room TEXT'],
  ['a table that was dropped', ...first, 'DROP TABLE servers'],
  ['tables without a history', String(migrations[0]?.sql)],
] as const)
  t.test(`none is compiled where there is ${what}`, async t => t.strictSame(compiledAfter(...statements), []))

t.test('of a text that was changed the code runs, and of all after it', async t => {
  const folder = t.testdir({ changed: {}, volume: {} })
  const changed = join(folder, 'changed')
  cpSync(own, changed, { recursive: true })
  appendFileSync(join(changed, `${names[1]}.ts`), '\nthrow new Error("its code is loaded")\n')
  const connection = new Database(':memory:')
  t.strictSame([...compiledFor(readMigrationFiles(changed), presentIn(connection)).keys()], names.slice(0, 1))
  connection.close()
  const settings = settingsFor(join(folder, 'volume'), { MIGRATOR_MIGRATIONS: changed })
  t.match(await runProgram([], settings), { exitCode: 2, stderr: /its code is loaded/ })
})

t.test('of one that is compiled no code is loaded, and it makes the same', async t => {
  const folder = t.testdir({ compiled: {}, code: {}, others: {}, 'broken.ts': 'throw new Error()' })
  const { signal } = new AbortController()
  const broken = files.map(file => ({ ...file, file: join(folder, 'broken.ts') }))
  await t.resolves(loadMigrations(broken, signal, compiledFor(files, { objects: [], applied: [] })))
  await t.rejects(loadMigrations(broken, signal), { code: 'CONFIG_INVALID' })
  const others = join(folder, 'others')
  cpSync(own, others, { recursive: true })
  for (const { name } of files) appendFileSync(join(others, `${name}.ts`), '\n')
  await runProgram([], settingsFor(join(folder, 'compiled'), { MIGRATOR_MIGRATIONS: own }))
  await runProgram([], settingsFor(join(folder, 'code'), { MIGRATOR_MIGRATIONS: others }))
  const schemaOf = (volume: string): unknown => JSON.parse(dump(join(folder, volume, 'homelab.db')))[0]
  t.strictSame(schemaOf('compiled'), schemaOf('code'))
})

t.test(
  'migrations in SQL load neither Sequelize nor the command line of Umzug, and an error of theirs names its statement and place',
  async t => {
    const folder = t.testdir({ migrations: {}, data: {} })
    const migrationsIn = join(folder, 'migrations')
    writeFileSync(
      join(migrationsIn, '0001-create-hosts.sql'),
      '-- migrate:up\nCREATE TABLE hosts (id INTEGER PRIMARY KEY);\n',
    )
    const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: migrationsIn })
    const script = `process.on('exit', () => {
    const loaded = Object.keys(require.cache).filter(file => /\\/(?:sequelize|ts-command-line)\\//.test(file))
    require('fs').writeSync(1, String(loaded.length))
  })`
    writeFileSync(join(folder, 'loaded.cjs'), script)
    const { status, stdout } = spawnSync(
      process.execPath,
      ['--require', join(folder, 'loaded.cjs'), join(root, 'bin/migrator.js')],
      { env: { ...process.env, ...settings }, encoding: 'utf8' },
    )
    t.strictSame([status, stdout], [0, '0'])
    writeFileSync(
      join(migrationsIn, '0002-fill-hosts.sql'),
      '-- migrate:up\nINSERT INTO hosts VALUES (1);\nINSERT INTO hosts VALUES (1);\n',
    )
    t.match(await runProgram([], settings), {
      exitCode: 40,
      stderr:
        /0002-fill-hosts failed at .*0002-fill-hosts\.sql:3:1: UNIQUE constraint failed: hosts\.id in INSERT INTO hosts VALUES \(1\)/,
    })
  },
)

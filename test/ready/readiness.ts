import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Failure } from '../../src/failure.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { expectedMarker, matches, readContents, readMarker } from '../../src/ready/marker.ts'
import { markReady, notMarked, readState } from '../../src/ready/readiness.ts'
import { readerOf } from '../../src/sqlite/reader.ts'
import { makeContext } from '../help/context.ts'
import { makeMigrated } from '../help/migrated.ts'
import { runProgram, settingsFor } from '../help/program.ts'
import '../help/use-uri.ts'
import { firstThree } from '../help/first-three.ts'

t.test('the marker that is written is true, and the next run has nothing to do', async t => {
  const { folder, connection } = await makeMigrated(t)
  const { config, engine } = await makeContext(folder)
  const files = readMigrationFiles(firstThree)
  const checkedAt = new Date().toISOString()
  const session = await engine.open()
  t.teardown(() => session.close())
  const marker = await session.transaction(transaction =>
    markReady(transaction, config, files, { version: '1.0.0', checkedAt }),
  )
  t.strictSame(readMarker(config.readyFile), marker)
  t.match(marker, { schema: '0003-add-os-info', migrations: 3, checkedAt, version: '1.0.0' })
  t.equal(
    matches(marker, expectedMarker(await readContents(readerOf(connection), config.database), marker.tables)),
    true,
  )
  t.match((await runProgram([], settingsFor(folder))).events, [{ event: 'up.nothing' }])
})

t.test('what kept the marker from being written is told with what stays; a bug stays a bug', async t => {
  const { engine } = await makeContext('/nowhere')
  t.match(notMarked(new Failure('DISK_FULL', 'no room', 'Nothing was changed.'), engine), {
    code: 'DISK_FULL',
    message: '/nowhere/homelab.db is changed, but its ready marker is not written: no room',
    hint: /migrator up/,
  })
  const bug = new TypeError('a bug')
  t.equal(notMarked(bug, engine), bug)
})

t.test('it names the tables of the migrations that are applied, and no other ones', async t => {
  const { folder, connection } = await makeMigrated(t)
  connection.exec('CREATE TABLE sessions (id); CREATE TABLE "odd name" (id); CREATE VIEW seen AS SELECT 1')
  const { config, engine } = await makeContext(folder)
  const text = 'CREATE VIEW "Seen"; create table [odd name]'
  const files = [...readMigrationFiles(config.migrations), { name: '0003-add-os-info', file: '', text, checksum: '' }]
  const session = await engine.open()
  const marker = await session.transaction(transaction =>
    markReady(transaction, config, files, { version: '1.0.0', checkedAt: null }),
  )
  await session.close()
  t.strictSame(marker.tables, ['metrics', 'odd name', 'seen', 'servers'])
})

/** The state of a volume, with its tables. */
const stateOf = ({ config, engine }: Awaited<ReturnType<typeof makeContext>>) =>
  readState(engine, config, 'fail', reader => reader.rows())

t.test('an empty volume has nothing', async t => {
  const context = await makeContext(t.testdir())
  const nothing = { applied: [], marker: undefined, truth: undefined, ready: false, more: undefined }
  t.strictSame(await stateOf(context), nothing)
  const { file } = context.engine
  t.strictSame([file.bytes(), file.journalMode()], [0, null])
})

t.test('a volume is ready when its marker is true, also when the database is read as it lies', async t => {
  const { folder, connection } = await makeMigrated(t)
  const context = await makeContext(folder)
  t.match(await stateOf(context), { ready: true })
  connection.close()
  const state = await stateOf(context)
  t.match(state, { ready: true, applied: [{}, {}, {}], marker: { migrations: 3 } })
  t.match(state.truth, { schema: '0003-add-os-info', migrations: 3, database: 'homelab.db' })
  t.equal(context.engine.file.journalMode(), 'wal')
  t.ok(context.engine.file.bytes() > 4096)
  t.strictSame(state.more, [
    { name: 'SequelizeMeta', rows: 3 },
    { name: 'metrics', rows: 0 },
    { name: 'servers', rows: 0 },
  ])
})

t.test('a file that is no database is refused with 30', async t => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'homelab.db'), 'no database'.repeat(100))
  const context = await makeContext(folder)
  const explained = stateOf(context).catch(error => Promise.reject(context.engine.explain(error)))
  await t.rejects(explained, { code: 'DATABASE_DAMAGED' })
})

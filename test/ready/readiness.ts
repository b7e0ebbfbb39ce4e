import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { Failure } from '../../src/failure.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { readHistory } from '../../src/migrations/history.ts'
import { expectedMarker, matches, readMarker } from '../../src/ready/marker.ts'
import { markReady, notMarked, readState } from '../../src/ready/readiness.ts'
import { countTables } from '../../src/sqlite/check.ts'
import { makeMigrated } from '../help/migrated.ts'
import { root, runProgram, settingsFor } from '../help/program.ts'
import '../help/use-uri.ts'

t.test('the marker that is written is true, and the next run has nothing to do', async t => {
  const { folder, connection } = await makeMigrated(t)
  const file = join(folder, '.ready')
  const texts = readMigrationFiles(join(root, 'migrations'))
  const checkedAt = new Date().toISOString()
  const marker = markReady(connection, file, texts, { version: '1.0.0', checkedAt })
  t.strictSame(readMarker(file), marker)
  t.match(marker, { schema: '0003-add-os-info', migrations: 3, checkedAt, version: '1.0.0' })
  t.equal(matches(marker, expectedMarker(connection, readHistory(connection))), true)
  t.match((await runProgram([], settingsFor(folder))).events, [{ event: 'up.nothing' }])
})

t.test('what kept the marker from being written is told with what stays; a bug stays a bug', async t => {
  t.match(notMarked(new Failure('DISK_FULL', 'no room', 'Nothing was changed.'), 'x.db'), {
    code: 'DISK_FULL',
    message: 'x.db is changed, but its ready marker is not written: no room',
    hint: /migrator up/,
  })
  const bug = new TypeError('a bug')
  t.equal(notMarked(bug, 'x.db'), bug)
})

const configFor = (folder: string) =>
  readConfig({ environment: settingsFor(folder), workingFolder: folder, root, terminal: false })

t.test('an empty volume has nothing', async t => {
  const state = readState(await configFor(t.testdir()), countTables)
  t.strictSame(state, {
    applied: [],
    marker: undefined,
    truth: undefined,
    ready: false,
    bytes: 0,
    journalMode: null,
    more: undefined,
  })
})

t.test('a volume is ready when its marker is true, also when the database is read as it lies', async t => {
  const { folder, connection } = await makeMigrated(t)
  const config = await configFor(folder)
  t.match(readState(config, countTables), { ready: true, journalMode: 'wal' })
  connection.close()
  const state = readState(config, countTables)
  t.match(state, { ready: true, journalMode: 'wal', applied: [{}, {}, {}], marker: { migrations: 3 } })
  t.match(state.truth, { schema: '0003-add-os-info', migrations: 3, database: 'homelab.db' })
  t.ok(state.bytes > 4096)
  t.strictSame(state.more, [
    { name: 'SequelizeMeta', rows: 3 },
    { name: 'metrics', rows: 0 },
    { name: 'servers', rows: 0 },
  ])
})

t.test('a file that is no database is refused with 30', async t => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'homelab.db'), 'no database'.repeat(100))
  const config = await configFor(folder)
  t.throws(() => readState(config, countTables), { code: 'DATABASE_DAMAGED' })
})

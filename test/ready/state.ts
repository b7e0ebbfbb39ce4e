import '../help/use-uri.ts'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { countTables } from '../../src/database/count-tables.ts'
import { readState } from '../../src/ready/state.ts'
import { makeMigrated } from '../help/migrated.ts'
import { root, settingsFor } from '../help/program.ts'

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

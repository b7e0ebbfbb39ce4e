import { join } from 'node:path'
import t from 'tap'
import { readMigrationTexts } from '../../src/migrations/files.ts'
import { readHistory } from '../../src/migrations/history.ts'
import { markReady } from '../../src/ready/mark-ready.ts'
import { readMarker } from '../../src/ready/marker.ts'
import { isTrue, truthOf } from '../../src/ready/truth.ts'
import { makeMigrated } from '../help/migrated.ts'
import { root, runProgram, settingsFor } from '../help/program.ts'

t.test('the marker that is written is true, and the next run has nothing to do', async t => {
  const { folder, connection } = await makeMigrated(t)
  const file = join(folder, '.ready')
  const texts = readMigrationTexts(join(root, 'migrations'))
  const checkedAt = new Date().toISOString()
  const marker = markReady(connection, file, texts, { version: '1.0.0', checkedAt })
  t.strictSame(readMarker(file), marker)
  t.match(marker, { schema: '0003-add-os-info', migrations: 3, checkedAt, version: '1.0.0' })
  t.equal(isTrue(marker, truthOf(connection, readHistory(connection))), true)
  t.match((await runProgram([], settingsFor(folder))).events, [{ event: 'up.nothing' }])
})

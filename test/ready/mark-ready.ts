import { join } from 'node:path'
import t from 'tap'
import { Failure } from '../../src/failure.ts'
import { readMigrationTexts } from '../../src/migrations/files.ts'
import { readHistory } from '../../src/migrations/history.ts'
import { markReady, notMarked } from '../../src/ready/mark-ready.ts'
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

t.test('what kept the marker from being written is told with what stays; a bug stays a bug', async t => {
  t.match(notMarked(new Failure('DISK_FULL', 'no room', 'Nothing was changed.'), 'x.db'), {
    code: 'DISK_FULL',
    message: 'x.db is changed, but its ready marker is not written: no room',
    hint: /migrator up/,
  })
  const bug = new TypeError('a bug')
  t.equal(notMarked(bug, 'x.db'), bug)
})

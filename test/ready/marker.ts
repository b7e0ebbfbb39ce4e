import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../src/database/open.ts'
import { commitWithoutMarker, readMarker, withdrawMarker, withdrawn, writeMarker } from '../../src/ready/marker.ts'
import { isTrue, truthOf } from '../../src/ready/truth.ts'

const more = { checkedAt: null, readyAt: '2026-01-01T00:00:00.000Z', version: '1.0.0', seen: '1-1' }
const applied = [{ name: '0001-a', checksum: 'sha256:1', applied_at: null, duration_ms: null, migrator: null }]

const open = (t: { testdir: () => string; teardown: (work: () => void) => void }) => {
  const folder = t.testdir()
  const connection = openDatabase(join(folder, 'x.db'))
  t.teardown(() => connection.close())
  return { folder, connection, file: join(folder, '.ready') }
}

t.test('a marker that was written is read back, and is true', async t => {
  const { connection, file } = open(t)
  const truth = truthOf(connection, applied)
  t.match(truth, { schema: '0001-a', migrations: 1, database: 'x.db', fingerprint: /^sha256:/ })
  writeMarker(file, { ...truth, ...more })
  t.strictSame(readMarker(file), { ...truth, ...more })
  t.equal(isTrue({ ...truth, ...more }, truth), true)
})

t.test('no marker, half a marker and a folder are no marker', async t => {
  const { folder, file } = open(t)
  t.equal(readMarker(file), undefined)
  writeFileSync(file, '{"schema":"0001')
  t.equal(readMarker(file), undefined)
  t.equal(readMarker(folder), undefined)
})

t.test('JSON that says nothing of a schema is no marker', async t => {
  const { file } = open(t)
  for (const text of ['null', '5', '[]', '{"schema":1}', '{"schema":"0001-a"}', '{"schema":"0001-a","readyAt":1}']) {
    writeFileSync(file, text)
    t.equal(readMarker(file), undefined, text)
  }
})

t.test('a withdrawn marker is kept as evidence until the next one is written', async t => {
  const { connection, folder, file } = open(t)
  const marker = { ...truthOf(connection, applied), ...more }
  writeMarker(file, marker)
  withdrawMarker(file)
  t.equal(readMarker(file), undefined)
  t.equal(existsSync(withdrawn(file)), true)
  writeMarker(file, marker)
  t.strictSame(readdirSync(folder).toSorted(), ['.ready', 'x.db'])
})

t.test('a marker is withdrawn for a commit, and put back where that fails', async t => {
  const { connection, file } = open(t)
  const marker = { ...truthOf(connection, applied), ...more }
  const fail = () => Promise.reject(new Error('no room'))
  await t.rejects(commitWithoutMarker(file, fail), { message: 'no room' })
  t.equal(readMarker(file), undefined, 'there was none')
  writeMarker(file, marker)
  await t.rejects(commitWithoutMarker(file, fail), { message: 'no room' })
  t.strictSame(readMarker(file), marker)
  await commitWithoutMarker(file, async () => {
    t.equal(readMarker(file), undefined)
  })
  t.equal(readMarker(file), undefined)
  t.equal(existsSync(withdrawn(file)), true)
})

t.test('a marker that was withdrawn can be put back, and one of an earlier time is not', async t => {
  const { connection, file } = open(t)
  const marker = { ...truthOf(connection, applied), ...more }
  writeMarker(file, marker)
  withdrawMarker(file)()
  t.strictSame(readMarker(file), marker)
  t.equal(existsSync(withdrawn(file)), false)
  withdrawMarker(file)
  withdrawMarker(file)()
  t.equal(readMarker(file), undefined)
})

t.test('withdrawing where there is none is no error, anything else is', async t => {
  const { folder, file } = open(t)
  t.doesNotThrow(() => withdrawMarker(file))
  t.throws(() => withdrawMarker(join(folder, 'x.db', '.ready')), { code: 'ENOTDIR' })
})

import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../src/database/open.ts'
import { isTrue, truthOf, untrueFields } from '../../src/ready/truth.ts'

const more = { checkedAt: null, readyAt: '2026-01-01T00:00:00.000Z', version: '1.0.0', seen: '1-1' }
const applied = [{ name: '0001-a', checksum: 'sha256:1', applied_at: null, duration_ms: null, migrator: null }]

const open = (t: { testdir: () => string; teardown: (work: () => void) => void }) => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  t.teardown(() => connection.close())
  return { connection }
}

t.test('a marker is no longer true when the schema or the history changes', async t => {
  const { connection } = open(t)
  const marker = { ...truthOf(connection, applied), ...more }
  t.equal(isTrue(marker, truthOf(connection, [])), false)
  t.equal(
    isTrue(
      marker,
      truthOf(connection, [{ name: '0001-a', checksum: 'other', applied_at: null, duration_ms: null, migrator: null }]),
    ),
    false,
  )
  connection.exec('CREATE TABLE a (x)')
  t.equal(isTrue(marker, truthOf(connection, applied)), false)
  t.equal(isTrue({ ...marker, database: 'y.db' }, { ...marker }), false)
})

t.test('the order in which tables were made does not matter', async t => {
  const { connection } = open(t)
  connection.exec('CREATE TABLE a (x); CREATE TABLE b (y)')
  const marker = { ...truthOf(connection, applied), ...more }
  connection.exec('DROP TABLE a; CREATE TABLE a (x)')
  t.equal(isTrue(marker, truthOf(connection, applied)), true)
})

t.test('the fields that are not true are named', async t => {
  const { connection } = open(t)
  const truth = truthOf(connection, applied)
  const marker = { ...truth, ...more }
  t.strictSame(untrueFields(marker, truth), [])
  t.strictSame(untrueFields({ ...marker, migrations: 2, fingerprint: 'x' }, truth), ['migrations', 'fingerprint'])
})

t.test('an index that is not UNIQUE leaves a marker true, and one that is does not', async t => {
  const { connection } = open(t)
  connection.exec('CREATE TABLE a (x)')
  const marker = { ...truthOf(connection, applied), ...more }
  connection.exec('create  index mine on a (x)')
  t.equal(isTrue(marker, truthOf(connection, applied)), true)
  connection.exec('create unique index ours on a (x)')
  t.equal(isTrue(marker, truthOf(connection, applied)), false)
})

import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { AppliedMigration } from '../../src/history.ts'
import {
  commitWithoutMarker,
  expectedMarker,
  matches,
  mismatches,
  quickChecksum,
  readContents,
  readMarker,
  refuseOthersMarker,
  withdrawMarker,
  withdrawn,
  writeMarker,
} from '../../src/ready/marker.ts'
import { type Connection, openDatabase } from '../../src/sqlite/connect.ts'
import { readerOf, readObjects } from '../../src/sqlite/reader.ts'
import { prepareHistory } from '../../src/sqlite/write-history.ts'
import { makeContext } from '../help/context.ts'
import { runProgram, settingsFor } from '../help/program.ts'
import { asOther, notRoot } from '../help/user.ts'

const more = { checkedAt: null, readyAt: '2026-01-01T00:00:00.000Z', version: '1.0.0', seen: '1-1' }
const applied = [{ name: '0001-a', checksum: 'sha256:1', applied_at: null, duration_ms: null, migrator: null }]

const truthOf = (connection: Connection, applied: readonly AppliedMigration[], tables?: readonly string[]) =>
  expectedMarker({ database: basename(connection.name), objects: readObjects(connection), applied }, tables)

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
  t.equal(matches({ ...truth, ...more }, truth), true)
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
  const { connection, file, folder } = open(t)
  const { engine } = await makeContext(folder)
  const marker = { ...truthOf(connection, applied), ...more }
  const fail = () => Promise.reject(new Error('no room'))
  await t.rejects(commitWithoutMarker(engine, file, fail), { message: 'no room' })
  t.equal(readMarker(file), undefined, 'there was none')
  writeMarker(file, marker)
  await t.rejects(commitWithoutMarker(engine, file, fail), { message: 'no room' })
  t.strictSame(readMarker(file), marker)
  const unsure = Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_DIR_FSYNC' })
  await t.rejects(
    commitWithoutMarker(engine, file, () => Promise.reject(unsure)),
    unsure,
  )
  t.equal(readMarker(file), undefined, 'where nobody knows whether it was committed there is none')
  writeMarker(file, marker)
  await commitWithoutMarker(engine, file, async () => {
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

const markerOf = (database: string) => JSON.stringify({ schema: '0001-a', readyAt: more.readyAt, database })

t.test('what is no marker of this database is not to be replaced, nor is what would be withdrawn over', async t => {
  for (const [title, content] of [
    ['of another database', markerOf('other.db')],
    ['a text of somebody', 'notes'],
    ['JSON of another program', '{"name":"x"}'],
    ['a folder', {}],
    ['a device', t.fixture('symlink', '/dev/null')],
  ] as const)
    for (const name of ['.ready', '.ready.withdrawn']) {
      const folder = t.testdir({ [name]: content })
      const { config } = await makeContext(folder)
      const own = `MIGRATOR_READY_FILE=${join(folder, '.homelab.db.ready')}`
      t.throws(() => refuseOthersMarker(config), { code: 'CONFIG_INVALID', hint: new RegExp(own) }, `${name}: ${title}`)
    }
})

t.test('nor is the database, nor its journal', async t => {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    const folder = t.testdir()
    const { config } = await makeContext(folder, { MIGRATOR_READY_FILE: join(folder, `homelab.db${suffix}`) })
    t.throws(() => refuseOthersMarker(config), { code: 'CONFIG_INVALID' }, suffix)
  }
})

t.test('a marker that cannot be read counts as one: writing it tells why', { skip: notRoot }, async t => {
  const { config } = await makeContext(t.testdir({ '.ready': 'what this user may not read' }))
  chmodSync(config.readyFile, 0o600)
  await asOther(() => t.doesNotThrow(() => refuseOthersMarker(config)))
})

t.test('a marker of this database is, and what a power cut left of one', async t => {
  for (const content of [
    markerOf('homelab.db'),
    '',
    '\0\0\0',
    '{"schema":"0001-a","migr',
    '{"schema":"a","readyAt":"b"}',
  ]) {
    const { config } = await makeContext(t.testdir({ '.ready': content }))
    t.doesNotThrow(() => refuseOthersMarker(config), content)
  }
})

t.test('a link that leads round in a circle is left for the volume to refuse', async t => {
  const folder = t.testdir({ '.ready': t.fixture('symlink', '.ready') })
  const { config } = await makeContext(folder)
  t.doesNotThrow(() => refuseOthersMarker(config))
  t.match(await runProgram([], settingsFor(folder)), {
    exitCode: 2,
    stderr: /\.ready.*a circular link .*is in the way/,
  })
})

t.test('a pipe or a giant file in the place of the marker is none, and is not waited for', async t => {
  const { file } = open(t)
  execFileSync('mkfifo', [file])
  t.equal(readMarker(file), undefined)
  rmSync(file)
  writeFileSync(file, '')
  truncateSync(file, 5 * 2 ** 30)
  t.equal(readMarker(file), undefined)
})

t.test('a marker can be read by everybody who may look into its folder, whatever the umask is', async t => {
  const { file } = open(t)
  const umask = process.umask(0o077)
  t.teardown(() => process.umask(umask))
  writeMarker(file, { ...expectedMarker({ database: 'x.db', objects: [], applied }, undefined), ...more })
  t.equal(statSync(file).mode & 0o777, 0o644)
})

const texts = [{ name: '0001-a', file: '/m/0001-a.ts', text: 'one' }]
const told = { schema: '0001-a', migrations: 1, database: 'x.db', fingerprint: 'sha256:1', version: '1.0.0' }
const seenOf = async (connection: Connection) =>
  quickChecksum(await readContents(readerOf(connection), connection.name), texts, told)

const openSeen = (t: { testdir: () => string; teardown: (work: () => void) => void }) => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  t.teardown(() => connection.close())
  connection.exec('CREATE TABLE a (x)')
  prepareHistory(connection, [])
  return connection
}

t.test('it stays while nothing changes, also when rows come', async t => {
  const connection = openSeen(t)
  const before = await seenOf(connection)
  connection.exec('INSERT INTO a VALUES (1)')
  t.equal(await seenOf(connection), before)
  t.match(before, /^\d+-[0-9a-f]{1,16}$/)
})

for (const [title, sql, otherTexts, otherTold] of [
  ['the schema', 'CREATE INDEX i ON a (x)', {}, {}],
  ['the history', "INSERT INTO SequelizeMeta (name) VALUES ('0001-a')", {}, {}],
  ["a migration's text", '', { text: 'two' }, {}],
  ["a migration's name", '', { name: '0001-b' }, {}],
  ['the marker', '', {}, { schema: '0001-b' }],
  ['the version', '', {}, { version: '1.0.1' }],
] as const) {
  t.test(`it changes with ${title}`, async t => {
    const connection = openSeen(t)
    const before = await seenOf(connection)
    connection.exec(sql)
    const after = quickChecksum(
      await readContents(readerOf(connection), connection.name),
      texts.map(text => ({ ...text, ...otherTexts })),
      { ...told, ...otherTold },
    )
    t.not(after, before)
  })
}

t.test('it changes with any character of a text, wherever that is, however long the text', async t => {
  const checksumOf = (text: string): string =>
    quickChecksum({ database: 'x.db', objects: [], applied: [] }, [{ name: '0001-a', text }], told)
  const differs = (before: string, at: number, after: string): boolean => {
    const place = at % (before.length + 1)
    const changed = before.slice(0, place) + after + before.slice(place + after.length)
    return changed === before || checksumOf(changed) !== checksumOf(before)
  }
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.nat(), fc.string({ minLength: 1 }), differs))
  const long = 'ä'.repeat(2 ** 20)
  for (const place of [0, 2 ** 19 - 60, 2 ** 19, 2 ** 20 - 1]) t.ok(differs(long, place, 'ö'), String(place))
})

t.test('it changes when the file is another one by name', async t => {
  const connection = openSeen(t)
  const other = openDatabase(join(t.testdir({}), 'y.db'))
  other.exec('CREATE TABLE a (x)')
  prepareHistory(other, [])
  t.not(await seenOf(other), await seenOf(connection))
  other.close()
})

const openTruth = (t: { testdir: () => string; teardown: (work: () => void) => void }) => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  t.teardown(() => connection.close())
  return { connection }
}

t.test('a marker is no longer true when the schema or the history changes', async t => {
  const { connection } = openTruth(t)
  const marker = { ...truthOf(connection, applied), ...more }
  t.equal(matches(marker, truthOf(connection, [])), false)
  t.equal(
    matches(
      marker,
      truthOf(connection, [{ name: '0001-a', checksum: 'other', applied_at: null, duration_ms: null, migrator: null }]),
    ),
    false,
  )
  connection.exec('CREATE TABLE a (x)')
  t.equal(matches(marker, truthOf(connection, applied)), false)
  t.equal(matches({ ...marker, database: 'y.db' }, { ...marker }), false)
})

t.test('the order in which tables were made does not matter', async t => {
  const { connection } = openTruth(t)
  connection.exec('CREATE TABLE a (x); CREATE TABLE b (y)')
  const marker = { ...truthOf(connection, applied), ...more }
  connection.exec('DROP TABLE a; CREATE TABLE a (x)')
  t.equal(matches(marker, truthOf(connection, applied)), true)
})

t.test('the fields that are not true are named', async t => {
  const { connection } = openTruth(t)
  const truth = truthOf(connection, applied)
  const marker = { ...truth, ...more }
  t.strictSame(mismatches(marker, truth), [])
  t.strictSame(mismatches({ ...marker, migrations: 2, fingerprint: 'x' }, truth), ['migrations', 'fingerprint'])
})

t.test('an index that is not UNIQUE leaves a marker true, and one that is does not', async t => {
  const { connection } = openTruth(t)
  connection.exec('CREATE TABLE a (x)')
  const marker = { ...truthOf(connection, applied), ...more }
  connection.exec('create  index mine on a (x)')
  t.equal(matches(marker, truthOf(connection, applied)), true)
  connection.exec('create unique index ours on a (x)')
  t.equal(matches(marker, truthOf(connection, applied)), false)
})

t.test(
  'what others keep in the database leaves a marker true, and what is done to a table of the migrations does not',
  async t => {
    const { connection } = openTruth(t)
    connection.exec('CREATE TABLE a (x); CREATE VIEW v AS SELECT x FROM a; CREATE TABLE sessions (id)')
    const tables = ['A', 'v']
    const marker = { ...truthOf(connection, applied, tables), ...more }
    const isStillTrue = () => matches(marker, truthOf(connection, applied, tables))
    connection.exec(`CREATE TABLE _litestream_seq (id); CREATE VIEW other AS SELECT 1; ALTER TABLE sessions ADD COLUMN token;
    CREATE UNIQUE INDEX mine ON sessions (token); CREATE TRIGGER own AFTER INSERT ON sessions BEGIN SELECT 1; END`)
    t.equal(isStillTrue(), true)
    connection.exec('DROP TABLE sessions')
    t.equal(isStillTrue(), true)
    for (const sql of [
      'CREATE TRIGGER ours AFTER INSERT ON a BEGIN SELECT 1; END',
      'CREATE UNIQUE INDEX ours ON a (x)',
      'ALTER TABLE a ADD COLUMN y',
      'DROP VIEW v',
      'DROP TABLE a',
    ]) {
      connection.exec(`SAVEPOINT one; ${sql}`)
      t.equal(isStillTrue(), false, sql)
      connection.exec('ROLLBACK TO one')
    }
  },
)

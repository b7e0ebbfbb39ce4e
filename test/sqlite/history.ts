import Database from 'better-sqlite3'
import t from 'tap'
import { hasHistory, readHistory } from '../../src/sqlite/history.ts'
import {
  historyStatements,
  prepareHistory,
  recordApplied,
  recordChecksum,
  removeApplied,
  setAside,
} from '../../src/sqlite/write-history.ts'

const open = (t: { teardown: (work: () => void) => void }, sql = '') => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(sql)
  return connection
}
const known = [{ name: '0001-a', checksum: 'sha256:1' }]
const row = {
  name: '0002-b',
  checksum: 'sha256:2',
  applied_at: '2026-01-01T00:00:00.000Z',
  duration_ms: 5,
  migrator: '1.0.0',
}

t.test('a database without history has nothing applied', async t => {
  const connection = open(t)
  t.equal(hasHistory(connection), false)
  t.strictSame(readHistory(connection), [])
})

t.test('what is recorded is read back by name, and can be removed', async t => {
  const connection = open(t)
  prepareHistory(connection, known)
  recordApplied(connection, row)
  recordApplied(connection, { ...row, name: '0001-a' })
  t.strictSame(readHistory(connection), [{ ...row, name: '0001-a' }, row])
  removeApplied(connection, '0001-a')
  t.strictSame(readHistory(connection), [row])
})

t.test('one migration cannot be recorded twice', async t => {
  const connection = open(t)
  prepareHistory(connection, known)
  recordApplied(connection, row)
  t.throws(() => recordApplied(connection, row), { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' })
})

const sequelizeCli = `
  CREATE TABLE SequelizeMeta (name VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY);
  INSERT INTO SequelizeMeta VALUES ('0001-a.js'), ('0009-z.cjs')`

t.test('rows of sequelize-cli are read without their extension', async t => {
  const empty = { checksum: null, applied_at: null, duration_ms: null, migrator: null }
  t.strictSame(readHistory(open(t, sequelizeCli)), [
    { name: '0001-a', ...empty },
    { name: '0009-z', ...empty },
  ])
})

t.test('they get the checksum of the file on the next write, and preparing twice changes nothing', async t => {
  const connection = open(t, sequelizeCli)
  prepareHistory(connection, known)
  prepareHistory(connection, known)
  recordApplied(connection, row)
  t.match(readHistory(connection), [{ name: '0001-a', checksum: 'sha256:1' }, row, { name: '0009-z', checksum: null }])
})

t.test('the statements that prepare it change nothing until they run, and are none once they have', async t => {
  for (const sql of ['', sequelizeCli]) {
    const [told, prepared] = [open(t, sql), open(t, sql)]
    const statements = historyStatements(told, known)
    t.equal(told.prepare('SELECT total_changes()').pluck().get(), sql === '' ? 0 : 2)
    for (const statement of statements) told.exec(statement)
    prepareHistory(prepared, known)
    t.strictSame(told.serialize(), prepared.serialize())
    t.strictSame(historyStatements(told, known), [])
  }
})

t.test('a checksum that is there is never replaced', async t => {
  const connection = open(t)
  prepareHistory(connection, known)
  recordApplied(connection, { ...row, name: '0001-a', checksum: 'sha256:old' })
  prepareHistory(connection, known)
  t.match(readHistory(connection), [{ checksum: 'sha256:old' }])
})

t.test('the checksum of one migration can be recorded anew', async t => {
  const connection = open(t)
  prepareHistory(connection, known)
  recordApplied(connection, row)
  recordApplied(connection, { ...row, name: '0001-a' })
  recordChecksum(connection, { name: '0001-a', checksum: 'sha256:new' })
  t.match(readHistory(connection), [{ name: '0001-a', checksum: 'sha256:new' }, row])
})

t.test('a table of that name that another tool made and left empty is no history', async t => {
  t.equal(hasHistory(open(t, 'CREATE TABLE SequelizeMeta (name VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY)')), false)
  t.equal(hasHistory(open(t, sequelizeCli)), true)
  const connection = open(t)
  prepareHistory(connection, known)
  t.equal(hasHistory(connection), true, 'ours is one, also when everything was taken back')
})

t.test('rows that are set aside are no part of the history, and keep the name that their tool looks for', async t => {
  const connection = open(t, sequelizeCli)
  prepareHistory(connection, known)
  setAside(connection, ['0009-z'])
  t.match(readHistory(connection), [{ name: '0001-a' }])
  t.strictSame(connection.prepare('SELECT name FROM SequelizeMeta ORDER BY name').pluck().all(), [
    '0001-a',
    '0009-z.cjs',
  ])
})

t.test('a row that this program wrote is never set aside', async t => {
  const connection = open(t)
  prepareHistory(connection, known)
  recordApplied(connection, row)
  setAside(connection, ['0002-b'])
  t.strictSame(readHistory(connection), [row])
})

t.test("columns that Umzug's own storage makes beside the name do not keep ours from being written", async t => {
  const connection = open(
    t,
    `CREATE TABLE SequelizeMeta (name VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY, createdAt DATETIME NOT NULL, "a b" NOT NULL);
     INSERT INTO SequelizeMeta VALUES ('0001-a.js', '2026-01-01', 1)`,
  )
  prepareHistory(connection, known)
  recordApplied(connection, row)
  t.match(readHistory(connection), [{ name: '0001-a' }, row])
  t.equal(connection.prepare("SELECT createdAt FROM SequelizeMeta WHERE name = '0001-a'").pluck().get(), '2026-01-01')
})

for (const [title, sql] of [
  ['a table without a column for names', 'CREATE TABLE SequelizeMeta (migration TEXT)'],
  ['a view', "CREATE VIEW SequelizeMeta AS SELECT '0001-a' AS name"],
  ['a name that is NULL', 'CREATE TABLE SequelizeMeta (name TEXT); INSERT INTO SequelizeMeta VALUES (NULL)'],
  ['a name that is a number', 'CREATE TABLE SequelizeMeta (name INTEGER); INSERT INTO SequelizeMeta VALUES (1)'],
  [
    'a time that is a number',
    "CREATE TABLE SequelizeMeta (name TEXT, applied_at INTEGER); INSERT INTO SequelizeMeta VALUES ('a', 1)",
  ],
  [
    'a duration that is none',
    "CREATE TABLE SequelizeMeta (name TEXT, duration_ms TEXT); INSERT INTO SequelizeMeta VALUES ('a', 'b')",
  ],
] as const) {
  t.test(`${title} is no history, and is refused`, async t => {
    const connection = open(t, sql)
    t.throws(() => readHistory(connection), { code: 'HISTORY_CONFLICT', message: /SequelizeMeta/ })
  })
}

t.test('one migration under two names is a conflict that says which row is to go', async t => {
  const connection = new Database(':memory:')
  connection.exec(
    "CREATE TABLE SequelizeMeta (name PRIMARY KEY); INSERT INTO SequelizeMeta VALUES ('0001-a.js'), ('0001-a-b.js'), ('0001-a.ts')",
  )
  t.throws(() => readHistory(connection), {
    code: 'HISTORY_CONFLICT',
    message: /0001-a\.js, 0001-a\.ts/,
    hint: /DELETE FROM/,
  })
  connection.close()
})

t.test('one migration under two names is a conflict that says which row is to go', async t => {
  const connection = open(
    t,
    "CREATE TABLE SequelizeMeta (name PRIMARY KEY); INSERT INTO SequelizeMeta VALUES ('0001-a.js'), ('0001-a-b.js'), ('0001-a.ts')",
  )
  t.throws(() => readHistory(connection), {
    code: 'HISTORY_CONFLICT',
    message: /0001-a\.js, 0001-a\.ts/,
    hint: /DELETE FROM/,
  })
})

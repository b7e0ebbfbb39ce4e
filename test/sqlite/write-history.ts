import Database from 'better-sqlite3'
import t from 'tap'
import { keepHistory, prepareHistory, recordApplied } from '../../src/sqlite/write-history.ts'

const open = (sql = '') => {
  const connection = new Database(':memory:')
  prepareHistory(connection, [])
  connection.exec(sql)
  return connection
}
const row = { name: '0001-a', checksum: 'sha256:a', applied_at: null, duration_ms: null, migrator: '1' }

t.test('a migration may not change the history, nor take it away', async t => {
  for (const sql of [
    "INSERT INTO SequelizeMeta (name) VALUES ('0009-x')",
    'DROP TABLE SequelizeMeta',
    'ALTER TABLE SequelizeMeta RENAME COLUMN name TO other',
  ]) {
    const connection = open("INSERT INTO SequelizeMeta (name) VALUES ('0000-x')")
    const { read, refuseChange } = keepHistory(connection)
    const before = await read()
    await t.resolves(refuseChange(before))
    connection.exec(sql)
    await t.rejects(refuseChange(before), { message: /SequelizeMeta/ })
    connection.close()
  }
})

t.test('one record is written, and nothing else comes of it', async t => {
  const connection = open()
  const { read, keep } = keepHistory(connection)
  await keep('0001-a', await read(), async () => recordApplied(connection, row))
  t.match(await read(), [{ name: '0001-a' }])
  connection.close()
})

t.test('a trigger that changes what is written, or refuses it, is a conflict of the history', async t => {
  for (const body of [
    'DELETE FROM SequelizeMeta',
    "INSERT INTO SequelizeMeta (name) VALUES ('0002-b')",
    "SELECT RAISE(ABORT, 'no')",
  ]) {
    const connection = open(
      `CREATE TRIGGER t AFTER INSERT ON SequelizeMeta WHEN NEW.name = '0001-a' BEGIN ${body}; END`,
    )
    const { read, keep } = keepHistory(connection)
    await t.rejects(
      keep('0001-a', await read(), async () => recordApplied(connection, row)),
      { code: 'HISTORY_CONFLICT' },
    )
    connection.close()
  }
})

t.test(
  'a row that REPLACE takes away is missed, and a trigger that writes elsewhere is none of our business',
  async t => {
    const replacing = new Database(':memory:')
    replacing.exec('CREATE TABLE SequelizeMeta (name PRIMARY KEY, checksum UNIQUE ON CONFLICT REPLACE)')
    prepareHistory(replacing, [])
    recordApplied(replacing, { ...row, name: '0000-x' })
    const audited = open(`CREATE TABLE audit (name);
    CREATE TRIGGER t AFTER INSERT ON SequelizeMeta BEGIN INSERT INTO audit VALUES (NEW.name); END`)
    const record = async (connection: Database.Database) => {
      const { read, keep, refuseChange } = keepHistory(connection)
      await keep('0001-a', await read(), async () => recordApplied(connection, row))
      await refuseChange(await read())
      connection.close()
    }
    await t.rejects(record(replacing), { code: 'HISTORY_CONFLICT' })
    await t.resolves(record(audited))
  },
)

t.test('a history keeps its rows, whatever another tool has in it, in any order', async t => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE SequelizeMeta (name PRIMARY KEY, note) WITHOUT ROWID;
    INSERT INTO SequelizeMeta VALUES ('0002-b', x'00ff'), ('0001-c.js', 1.5)`)
  prepareHistory(connection, [])
  const { read, keep, refuseChange } = keepHistory(connection)
  await keep('0001-a', await read(), async () => recordApplied(connection, row))
  await t.resolves(refuseChange(await read()))
  connection.exec("UPDATE SequelizeMeta SET note = x'00fe' WHERE name = '0002-b'")
  await t.rejects(refuseChange(await read()), { message: /SequelizeMeta/ })
  connection.close()
})

t.test('what is no fault of the table is thrown on', async t => {
  const connection = open()
  const { read, keep } = keepHistory(connection)
  const bug = new Error('bug')
  const fail = async () => {
    throw bug
  }
  await t.rejects(keep('0001-a', await read(), fail), bug)
  connection.close()
})

t.test('a column that another tool wrote in another case is ours', async t => {
  const connection = new Database(':memory:')
  connection.exec('CREATE TABLE SequelizeMeta (name PRIMARY KEY, CHECKSUM TEXT)')
  prepareHistory(connection, [])
  t.equal(connection.prepare('SELECT count(*) FROM pragma_table_info(?)').pluck().get('SequelizeMeta'), 5)
  connection.close()
})

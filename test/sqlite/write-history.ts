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

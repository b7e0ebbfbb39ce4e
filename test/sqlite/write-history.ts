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

/** A history with a record and so many older ones: the long one is watched instead of read. */
const keepLong = async (rows: number) => {
  const connection = open(`CREATE TABLE other (x);
    CREATE TRIGGER writes AFTER INSERT ON other BEGIN UPDATE SequelizeMeta SET checksum = NEW.x WHERE name = '0000-2'; END;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO SequelizeMeta (name) SELECT '0000-' || i FROM n`)
  const keeper = keepHistory(connection)
  await keeper.keep('0001-a', await keeper.read(), async () => recordApplied(connection, row))
  return { connection, ...keeper, before: await keeper.read() }
}

/** Puts another table with the same rows in the place of the history. */
const putAnother = `ALTER TABLE SequelizeMeta RENAME TO old;
  CREATE TABLE SequelizeMeta (name TEXT NOT NULL PRIMARY KEY, checksum TEXT, applied_at TEXT, duration_ms INTEGER, migrator TEXT);
  INSERT INTO SequelizeMeta SELECT * FROM old`

for (const rows of [2, 20]) {
  for (const sql of [
    "INSERT INTO SequelizeMeta (name) VALUES ('0009-x')",
    "UPDATE SequelizeMeta SET checksum = 'sha256:b' WHERE name = '0001-a'",
    "DELETE FROM SequelizeMeta WHERE name = '0000-2'",
    'DELETE FROM SequelizeMeta',
    "REPLACE INTO SequelizeMeta (name, checksum) VALUES ('0000-1', 'sha256:b')",
    "UPDATE OR REPLACE SequelizeMeta SET name = '0000-1' WHERE name = '0000-2'",
    "INSERT INTO other VALUES ('sha256:b')",
    'DROP TABLE SequelizeMeta',
    'DROP TABLE SequelizeMeta; CREATE TABLE SequelizeMeta (name PRIMARY KEY, checksum)',
    'ALTER TABLE SequelizeMeta RENAME TO elsewhere',
    'ALTER TABLE SequelizeMeta RENAME COLUMN name TO other',
    'ALTER TABLE SequelizeMeta DROP COLUMN checksum',
    "SAVEPOINT s; INSERT INTO SequelizeMeta (name) VALUES ('0009-x'); RELEASE s",
    // which of so many comes first is by a hash of their names
    `${Array.from({ length: 60 }, (_, i) => `CREATE TEMP TRIGGER t${i} AFTER UPDATE ON SequelizeMeta BEGIN SELECT RAISE(IGNORE); END`).join(';')};
      UPDATE SequelizeMeta SET checksum = 'sha256:b'`,
  ])
    t.test(`a migration may not change a history of ${rows} rows by ${sql}`, async t => {
      const { connection, refuseChange, before } = await keepLong(rows)
      connection.exec(sql)
      await t.rejects(refuseChange(before), { message: /^it changes SequelizeMeta/ })
      connection.close()
    })

  for (const sql of [
    'SELECT * FROM SequelizeMeta; INSERT INTO other SELECT NULL',
    'CREATE TABLE more (x); DROP TABLE more',
    "INSERT INTO SequelizeMeta (name) VALUES ('0009-x'); DELETE FROM SequelizeMeta WHERE name = '0009-x'",
    'SAVEPOINT s; DELETE FROM SequelizeMeta; ROLLBACK TO s; RELEASE s',
    putAnother,
    `${putAnother}; DROP TABLE old`,
  ])
    t.test(`a history of ${rows} rows is unchanged, and kept from then on, after ${sql}`, async t => {
      const { connection, refuseChange, keep, before, read } = await keepLong(rows)
      connection.exec(sql)
      await t.resolves(refuseChange(before))
      await keep('0002-b', before, async () => recordApplied(connection, { ...row, name: '0002-b' }))
      await t.resolves(refuseChange(await read()))
      t.equal((await read()).length, rows + 2)
      connection.exec("UPDATE SequelizeMeta SET checksum = 'sha256:b' WHERE name = '0002-b'")
      await t.rejects(refuseChange(await read()), { message: /^it changes SequelizeMeta/ })
      connection.close()
    })
}

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

/** Records a migration in a history that has these columns and rows. */
const record = async (columns: string, rows: string, more = ''): Promise<void> => {
  const connection = new Database(':memory:')
  connection.exec(
    `CREATE TABLE SequelizeMeta (name PRIMARY KEY, ${columns}); INSERT INTO SequelizeMeta ${rows}; ${more}`,
  )
  prepareHistory(connection, [])
  const { read, keep, refuseChange } = keepHistory(connection)
  await keep('0001-a', await read(), async () => recordApplied(connection, row))
  await refuseChange(await read())
  connection.close()
}

t.test('a trigger that comes with another table in the place of a long history is found by what it writes', async t => {
  const { connection, refuseChange, keep, before } = await keepLong(20)
  connection.exec(`${putAnother}; DROP TABLE old; CREATE TRIGGER t AFTER INSERT ON SequelizeMeta BEGIN
    UPDATE SequelizeMeta SET checksum = 'sha256:bad' WHERE name = '0000-2'; END`)
  await t.resolves(refuseChange(before))
  const next = { ...row, name: '0002-b' }
  await t.rejects(
    keep(next.name, before, async () => recordApplied(connection, next)),
    { code: 'HISTORY_CONFLICT' },
  )
  connection.close()
})

t.test('rows that REPLACE takes away are missed, be it one or two', async t => {
  const unique = 'UNIQUE ON CONFLICT REPLACE'
  const [one, two] = ["('0000-x', 'sha256:a', '1')", "('0000-y', 'sha256:b', '1')"]
  for (const [columns, rows] of [
    [`checksum ${unique}, migrator`, one],
    [`checksum, migrator ${unique}`, one],
    [`checksum ${unique}, migrator ${unique}`, "('0000-x', 'sha256:a', '2'), ('0000-y', 'sha256:b', '1')"],
  ] as const)
    await t.rejects(record(columns, `VALUES ${rows}`), { code: 'HISTORY_CONFLICT' }, columns)
  await t.resolves(record('checksum, migrator', `VALUES ${one}, ${two}`))
})

t.test('a trigger that writes into another table does no harm', async t => {
  const trigger = 'CREATE TRIGGER t AFTER INSERT ON SequelizeMeta BEGIN INSERT INTO audit VALUES (NEW.name); END'
  await t.resolves(record('checksum', "VALUES ('0000-x', 'sha256:b')", `CREATE TABLE audit (name); ${trigger}`))
})

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

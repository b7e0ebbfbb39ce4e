import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { planSql, terminated } from '../../src/migrations/plan-sql.ts'
import { recordStatements } from '../help/recorded.ts'

const made = `CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id));
  INSERT INTO p VALUES (1); INSERT INTO c VALUES (1), (9)`
const migration = { name: '0001-a', file: '/m/0001-a.ts', checksum: 'sha256:1' }

/** The script for statements, and a database to run it on. */
const script = async (t: Pick<Test, 'teardown'>, statements: readonly string[]) => {
  const recording = await recordStatements(t, made, statements)
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.pragma('foreign_keys = OFF')
  connection.exec(made)
  const sql = planSql({
    version: '1.2.3',
    sqlite: '3.54.1',
    database: '/v/x.db',
    isNew: false,
    history: [
      'CREATE TABLE SequelizeMeta (name PRIMARY KEY, checksum, applied_at, duration_ms)',
      'ALTER TABLE SequelizeMeta ADD COLUMN migrator',
    ],
    trials: [{ migration, recording }],
  })
  return { connection, sql }
}
const count = (connection: Database.Database, table: string) =>
  connection.prepare(`SELECT count(*) FROM ${table}`).pluck().get()

t.test(
  'the script applies the statements and records the migration, whatever violations there were before',
  async t => {
    const { connection, sql } = await script(t, ['INSERT INTO p VALUES (2)', 'CREATE TABLE d (x)'])
    connection.exec(sql)
    t.strictSame([count(connection, 'p'), count(connection, 'd')], [2, 0])
    t.match(connection.prepare('SELECT * FROM SequelizeMeta').all(), [
      {
        name: '0001-a',
        checksum: 'sha256:1',
        applied_at: /^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/,
        duration_ms: null,
        migrator: '1.2.3',
      },
    ])
    t.equal(connection.pragma('foreign_keys', { simple: true }), 1)
    t.strictSame(connection.prepare('SELECT name FROM sqlite_temp_schema').all(), [])
  },
)

t.test('it ends before COMMIT where rows break a foreign key that did not before', async t => {
  const { connection, sql } = await script(t, ['INSERT INTO c VALUES (8)'])
  t.throws(() => connection.exec(sql), { code: 'SQLITE_CONSTRAINT_CHECK' })
  t.equal(connection.inTransaction, true)
  connection.exec('ROLLBACK')
  t.equal(count(connection, 'c'), 2)
})

t.test('run twice it ends before it changes anything', async t => {
  const { connection, sql } = await script(t, ['INSERT INTO p VALUES (2)'])
  connection.exec(sql)
  t.throws(() => connection.exec(sql), { code: /^SQLITE_/ })
  connection.exec('ROLLBACK')
  t.equal(count(connection, 'p'), 2)
})

t.test('statements that failed in the migration, which went on, are not in it', async t => {
  const { connection, sql } = await script(t, [
    'INSERT INTO none VALUES (1)',
    'INSERT INTO p VALUES (1)',
    'INSERT INTO p VALUES (2)',
  ])
  connection.exec(sql)
  t.equal(count(connection, 'p'), 2)
})

t.test('each statement has one semicolon, which no comment swallows', async t => {
  for (const [sql, expected] of [
    ['SELECT 1', 'SELECT 1;'],
    ['  SELECT 1 ; ;\n', 'SELECT 1;'],
    ['SELECT 1 -- a comment', 'SELECT 1;'],
    ['SELECT 1; /* ; */', 'SELECT 1;'],
    ["SELECT ';'", "SELECT ';';"],
    ['-- why\nSELECT 1', '-- why\nSELECT 1;'],
  ] as const)
    t.equal(terminated(sql), expected)
})

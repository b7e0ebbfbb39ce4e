import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { planSql, terminated } from '../../src/dry-run/script.ts'
import { recordStatements } from '../help/recorded.ts'

const whole = `CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id));
  INSERT INTO p VALUES (1); INSERT INTO c VALUES (1), (9)`
const migration = { name: '0001-a', file: '/m/0001-a.ts', text: '', checksum: 'sha256:1' }

/** Runs a script as the sqlite3 shell does, whose `.bail on` is what better-sqlite3 does anyhow. */
const run = (connection: Database.Database, sql: string): void => void connection.exec(sql.replace(/^\.bail on\n/, ''))

/** The script for statements, and a database to run it on. */
const script = async (
  t: Pick<Test, 'teardown'>,
  statements: readonly string[],
  { made = whole, unchecked = { before: [] as string[], after: [] as string[] } } = {},
) => {
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
    unchecked,
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
    run(connection, sql)
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
  t.throws(() => run(connection, sql), { code: 'SQLITE_CONSTRAINT_CHECK' })
  t.equal(connection.inTransaction, true)
  connection.exec('ROLLBACK')
  t.equal(count(connection, 'c'), 2)
})

t.test('run twice it ends before it changes anything', async t => {
  const { connection, sql } = await script(t, ['INSERT INTO p VALUES (2)'])
  run(connection, sql)
  t.throws(() => run(connection, sql), { code: /^SQLITE_/ })
  connection.exec('ROLLBACK')
  t.equal(count(connection, 'p'), 2)
})

t.test('statements that failed in the migration, which went on, are not in it', async t => {
  const { connection, sql } = await script(t, [
    'INSERT INTO none VALUES (1)',
    'INSERT INTO p VALUES (1)',
    'INSERT INTO p VALUES (2)',
  ])
  run(connection, sql)
  t.equal(count(connection, 'p'), 2)
})

const noShell = spawnSync('sqlite3', ['--version']).status !== 0 && 'there is no sqlite3 shell'

/** The script for statements, run by the sqlite3 shell on a file that has one table more. */
const runInShell = async (t: Test, statements: readonly string[]) => {
  const { sql } = await script(t, statements)
  const file = join(t.testdir(), 'x.db')
  const connection = new Database(file)
  t.teardown(() => connection.close())
  connection.pragma('foreign_keys = OFF')
  connection.exec(`${whole}; CREATE TABLE taken (x)`)
  const { status, stderr } = spawnSync('sqlite3', [file], { input: sql, encoding: 'utf8' })
  return { status, stderr, connection }
}

t.test('the sqlite3 shell runs it', { skip: noShell }, async t => {
  const { status, stderr, connection } = await runInShell(t, ['INSERT INTO p VALUES (2)'])
  t.strictSame([status, stderr, count(connection, 'p'), count(connection, 'SequelizeMeta')], [0, '', 2, 1])
})

t.test('the sqlite3 shell leaves with 1 at the first error, and nothing has changed', { skip: noShell }, async t => {
  for (const statements of [
    ['INSERT INTO p VALUES (2)', 'CREATE TABLE taken (x)', 'INSERT INTO p VALUES (3)'],
    ['INSERT INTO c VALUES (8)'],
  ]) {
    const { status, connection } = await runInShell(t, statements)
    t.equal(status, 1)
    t.strictSame(connection.prepare('SELECT name FROM sqlite_schema').pluck().all(), ['p', 'c', 'taken'])
    t.strictSame([count(connection, 'p'), count(connection, 'c')], [1, 2])
  }
})

t.test('a foreign key that cannot be checked is passed over as in up, and the others are not', async t => {
  const made = `${whole}; CREATE TABLE m (id); CREATE TABLE "o'dd" (m REFERENCES m (id)); INSERT INTO "o'dd" VALUES (5)`
  const unchecked = { before: ["o'dd"], after: ["o'dd"] }
  const passed = await script(t, ['INSERT INTO p VALUES (2)'], { made, unchecked })
  run(passed.connection, passed.sql)
  t.equal(count(passed.connection, 'p'), 2)
  const refused = await script(t, ['INSERT INTO c VALUES (8)'], { made, unchecked })
  t.throws(() => run(refused.connection, refused.sql), { code: 'SQLITE_CONSTRAINT_CHECK' })
  const mending = ['CREATE UNIQUE INDEX i ON m (id)', 'INSERT INTO m VALUES (5)']
  const mended = await script(t, mending, { made, unchecked: { before: ["o'dd"], after: [] } })
  run(mended.connection, mended.sql)
  t.equal(count(mended.connection, 'm'), 1)
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

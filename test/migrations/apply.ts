import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { plainly } from '../../src/database/around.ts'
import { openDatabase } from '../../src/database/open.ts'
import { withTransaction } from '../../src/database/transaction.ts'
import { Failure } from '../../src/failure.ts'
import { applyMigrations } from '../../src/migrations/apply.ts'
import { readHistory } from '../../src/migrations/history.ts'
import type { LoadedMigration, Migration } from '../../src/migrations/load.ts'
import { dump } from '../help/program.ts'

const signal = new AbortController().signal
const settleLimit = 60
const query =
  (sql: string): Migration =>
  ({ context }) =>
    context.sequelize.query(sql)
const migration = (name: string, up: Migration, more: Partial<LoadedMigration> = {}): LoadedMigration => ({
  name,
  file: `/m/${name}.ts`,
  checksum: `sha256:${name}`,
  up,
  down: undefined,
  removesRows: [],
  ...more,
})
const first = migration('0001-a', query('CREATE TABLE a (x)'))
const second = migration('0002-b', query('INSERT INTO a VALUES (1), (2)'))

const open = (t: { testdir: () => string; teardown: (work: () => void) => void }) => {
  const file = join(t.testdir(), 'x.db')
  const connection = openDatabase(file)
  t.teardown(() => connection.close())
  const apply = (migrations: readonly LoadedMigration[], stop = signal) =>
    withTransaction(connection, { lockTimeout: 0, signal, onWait: () => undefined }, () =>
      applyMigrations(connection, migrations, {
        version: '1.2.3',
        signal: stop,
        settleLimit,
        onProgress: () => undefined,
        around: plainly,
      }),
    )
  return { file, connection, apply }
}

t.test('pending migrations are applied in order and recorded with them', async t => {
  const { connection, apply } = open(t)
  t.match(await apply([first]), [{ name: '0001-a', milliseconds: Number }])
  t.match(await apply([first, second]), [{ name: '0002-b' }])
  t.match(readHistory(connection), [
    { name: '0001-a', checksum: 'sha256:0001-a', migrator: '1.2.3', applied_at: /Z$/, duration_ms: Number },
    { name: '0002-b' },
  ])
  t.equal(connection.prepare('SELECT count(*) FROM a').pluck().get(), 2)
})

t.test('a third that throws leaves no trace of the first two', async t => {
  const { file, apply } = open(t)
  const before = dump(file)
  const third = migration('0003-c', async () => {
    throw new Error('out of luck')
  })
  await t.rejects(apply([first, second, third]), { code: 'MIGRATION_FAILED', message: /0003-c.*out of luck/ })
  t.equal(dump(file), before)
})

t.test('the failure quotes what SQLite said, not what Sequelize made of it', async t => {
  const { apply } = open(t)
  const unique = migration('0001-a', async ({ context }) => {
    await context.sequelize.query('CREATE TABLE a (x UNIQUE)')
    await context.sequelize.query('INSERT INTO a VALUES (1), (1)')
  })
  await t.rejects(apply([unique]), { code: 'MIGRATION_FAILED', message: /UNIQUE constraint failed: a\.x/ })
})

t.test('a migration may throw what is no error', async t => {
  const { apply } = open(t)
  await t.rejects(apply([migration('0001-a', () => Promise.reject('words'))]), {
    code: 'MIGRATION_FAILED',
    message: /words/,
  })
})

t.test('rows lost are a failure that names migration and table; announced, they may go', async t => {
  const { connection, apply } = open(t)
  await apply([first, second])
  const third = migration('0003-c', query('DELETE FROM a'))
  await t.rejects(apply([first, second, third]), { code: 'MIGRATION_FAILED', message: /0003-c.*a had 2 rows/ })
  t.equal(connection.prepare('SELECT count(*) FROM a').pluck().get(), 2)
  await apply([first, second, { ...third, removesRows: ['a'] }])
  t.equal(connection.prepare('SELECT count(*) FROM a').pluck().get(), 0)
})

t.test('rows that are replaced by as many others are a failure too', async t => {
  const { file, apply } = open(t)
  await apply([first, second])
  const before = dump(file)
  const third = migration('0003-c', async ({ context }) => {
    await context.sequelize.query('DELETE FROM a WHERE x = 1')
    await context.sequelize.query('INSERT INTO a VALUES (9)')
  })
  await t.rejects(apply([first, second, third]), { code: 'MIGRATION_FAILED', message: /0003-c.*1 rows.*from a/ })
  t.equal(dump(file), before)
})

t.test('a statement that comes at any turn after the last migration returned commits nothing of itself', async t => {
  for (let turns = 0; turns < 12; turns += 1) {
    const { connection, apply } = open(t)
    const late: { outcome?: unknown } = {}
    const careless = migration('0001-a', async ({ context }) => {
      await context.sequelize.query('CREATE TABLE a (x)')
      const later = async () => {
        for (let turn = 0; turn < turns; turn += 1) await setImmediate()
        await context.sequelize.query('INSERT INTO a VALUES (1)')
      }
      late.outcome = later().catch(String)
    })
    const outcome = await apply([careless]).catch(error => error.code)
    t.match(await late.outcome, /after it returned/)
    const rows = () => connection.prepare('SELECT count(*) FROM a').pluck().get()
    if (outcome === 'MIGRATION_FAILED') t.throws(rows)
    else t.equal(rows(), 0)
  }
})

t.test('rows that the same run brought are guarded too', async t => {
  const { apply } = open(t)
  await t.rejects(apply([first, second, migration('0003-c', query('DROP TABLE a'))]), { code: 'MIGRATION_FAILED' })
})

t.test('a COMMIT that a migration smuggles in is a failure, and commits nothing', async t => {
  const { file, apply } = open(t)
  const before = dump(file)
  await t.rejects(apply([first, migration('0002-b', query('COMMIT'))]), { code: 'MIGRATION_FAILED', message: /0002-b/ })
  t.equal(dump(file), before)
})

t.test('a signal stops it before the next statement, with the reason of the signal', async t => {
  const { file, apply } = open(t)
  const before = dump(file)
  const controller = new AbortController()
  const stopped = migration('0002-b', async ({ context }) => {
    controller.abort(new Failure('SIGTERM', 'stopped', 'x'))
    await context.sequelize.query('SELECT 1')
  })
  await t.rejects(apply([first, stopped], controller.signal), { code: 'SIGTERM' })
  t.equal(dump(file), before)
})

t.test('an error of the history is not blamed on a migration', async t => {
  const { connection, apply } = open(t)
  connection.exec(`CREATE TABLE SequelizeMeta (name PRIMARY KEY);
    CREATE TRIGGER full BEFORE INSERT ON SequelizeMeta BEGIN SELECT RAISE(ABORT, 'full'); END`)
  await t.rejects(apply([first]), { code: 'SQLITE_CONSTRAINT_TRIGGER' })
})

t.test('foreign keys cannot be switched on, nor another file attached, and nothing stays', async t => {
  for (const sql of ['PRAGMA foreign_keys = ON', "ATTACH 'x' AS y"]) {
    const { file, apply } = open(t)
    const before = dump(file)
    await t.rejects(apply([first, migration('0002-b', query(sql))]), { code: 'MIGRATION_FAILED', message: /0002-b/ })
    t.equal(dump(file), before)
  }
})

t.test('the hint speaks of rows that are meant to go only where rows went', async t => {
  const { apply } = open(t)
  const lost = migration('0003-c', query('DELETE FROM a'))
  await t.rejects(apply([first, second, lost]), { code: 'MIGRATION_FAILED', hint: /removesRows/ })
  const unchecked = 'CREATE UNIQUE INDEX u ON a (x) WHERE x > 0; CREATE TABLE c (x REFERENCES a (x))'
  const mismatch = migration('0003-c', async ({ context }) => {
    for (const sql of unchecked.split('; ')) await context.sequelize.query(sql)
  })
  await t.rejects(apply([first, second, mismatch]), { code: 'MIGRATION_FAILED', hint: /^(?!.*removesRows)/s })
})

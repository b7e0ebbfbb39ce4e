import { join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { type Loss, noResult, runPlain, type StatementHook } from '../../src/engine.ts'
import { Failure, reasonOf } from '../../src/failure.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { type LoadedMigration, loadMigrations, type Migration } from '../../src/migrations/load.ts'
import {
  type Applied,
  applyMigrations,
  createGuardedRunner,
  createRunner,
  createWatch,
  idleLimit,
  lostData,
} from '../../src/migrations/run.ts'
import { openDatabase, withTransaction } from '../../src/sqlite/connect.ts'
import { readHistory } from '../../src/sqlite/history.ts'
import { readObjects } from '../../src/sqlite/reader.ts'
import { migratableOn } from '../../src/sqlite/transaction.ts'
import { prepareHistory } from '../../src/sqlite/write-history.ts'
import { firstThree } from '../help/first-three.ts'
import { dump } from '../help/program.ts'

const signal = new AbortController().signal
const options = { version: '1.2.3', signal, idleLimit, onProgress: () => undefined, hook: runPlain, backup: undefined }
const query =
  (sql: string): Migration =>
  ({ context }) =>
    context.sequelize.query(sql)
const migration = (name: string, up: Migration, more: Partial<LoadedMigration> = {}): LoadedMigration => ({
  name,
  file: `/m/${name}.ts`,
  text: '',
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
      applyMigrations(migratableOn(connection), migrations, { ...options, signal: stop }).then(
        ({ applied }) => applied,
      ),
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
  await t.rejects(apply([first, second, third]), {
    code: 'MIGRATION_FAILED',
    message: /0003-c.*1 row of a is gone/,
  })
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
  await t.rejects(apply([first]), { code: 'HISTORY_CONFLICT' })
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

const migrationOf: LoadedMigration = {
  ...{ name: '0001-a', file: '/m/0001-a.ts', text: '', checksum: 'sha256:a', removesRows: [] },
  up: ({ context }) => context.sequelize.query('DELETE FROM kept'),
  down: ({ context }) => context.sequelize.query("INSERT INTO kept VALUES ('back')"),
}

t.test('in both directions it is told what each migration lost', async t => {
  const connection = new Database(':memory:')
  connection.exec("BEGIN; CREATE TABLE kept (x); INSERT INTO kept VALUES ('here')")
  const told: (readonly Loss[])[] = []
  const applied: string[] = []
  const create = () =>
    createGuardedRunner(migratableOn(connection), [migrationOf], options, {
      removesRows: () => [],
      onLosses: (_, losses) => told.push(losses),
      onMissing: losses => told.push(losses),
      onApplied: ({ name }) => applied.push(name),
    })
  await (await create()).up()
  await (await create()).down(['0001-a'])
  t.match(told, [[{ table: 'kept', text: /had 1 row and has 0/ }], [], [], []])
  t.strictSame(told.slice(1), [[], [], []])
  t.strictSame(applied, ['0001-a'])
  connection.close()
})

t.test('what is thrown there is thrown on', async t => {
  const connection = new Database(':memory:')
  connection.exec("BEGIN; CREATE TABLE kept (x); INSERT INTO kept VALUES ('here')")
  const refuse = (_: LoadedMigration, losses: readonly Loss[]) => {
    throw lostData(['0001-a'], losses, 'hint')
  }
  const runner = await createGuardedRunner(migratableOn(connection), [migrationOf], options, {
    removesRows: () => [],
    onLosses: refuse,
    onMissing: () => undefined,
    onApplied: () => undefined,
  })
  await t.rejects(runner.up(), {
    code: 'MIGRATION_FAILED',
    message: 'migration 0001-a lost data: kept had 1 row and has 0 after it (DELETE FROM kept)',
  })
  connection.close()
})

t.test('the reason is what SQLite said, where Sequelize wrapped it', async t => {
  const wrapped = Object.assign(new Error('Validation error'), { parent: new Error('UNIQUE constraint failed: a.x') })
  t.equal(reasonOf(wrapped), 'UNIQUE constraint failed: a.x')
  t.equal(reasonOf(new Error('plain')), 'plain')
  t.equal(reasonOf('words'), 'words')
})

const openForRunner = (t: Pick<Test, 'testdir' | 'teardown'>, migrations: readonly LoadedMigration[]) => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  t.teardown(() => connection.close())
  prepareHistory(connection, migrations)
  const applied: Applied[] = []
  let refuses = false
  const hook: StatementHook = (_asked, execute) => {
    if (refuses) throw new Error('refused')
    return execute()
  }
  const refuse = () => {
    refuses = true
  }
  const onApplied = (migration: Applied) => void applied.push(migration)
  const database = migratableOn(connection)
  const runner = createRunner(database, migrations, {
    version: '1.2.3',
    executed: async () => (await database.history()).map(({ name }) => name),
    hook,
    within: async (_, work, record) => {
      await work()
      await record()
    },
    onApplied,
    onProgress: () => undefined,
  })
  return { connection, refuse, applied, runner }
}
const ofTheImage = () => loadMigrations(readMigrationFiles(firstThree), new AbortController().signal)

t.test('every migration of the image: up, down, and up again give the same schema', async t => {
  const { connection, applied, runner } = openForRunner(t, await ofTheImage())
  await runner.up()
  const schema = readObjects(connection)
  t.equal(applied.length, 3)
  t.equal(schema.length, 4, 'the history, two tables and an index')
  await runner.down({ to: 0 })
  t.match(readObjects(connection), [{ name: 'SequelizeMeta' }])
  t.strictSame(readHistory(connection), [])
  await runner.up()
  t.strictSame(readObjects(connection), schema)
})

t.test('one step down takes one back, with its record', async t => {
  const { connection, runner } = openForRunner(t, await ofTheImage())
  await runner.up()
  await runner.down()
  t.strictSame(
    readHistory(connection).map(({ name }) => name),
    ['0001-create-servers', '0002-create-metrics'],
  )
})

t.test('a migration without down is not called reverted', async t => {
  const [first] = await ofTheImage()
  if (first === undefined) throw new Error('no migration')
  const { connection, runner } = openForRunner(t, [{ ...first, down: undefined }])
  await runner.up()
  await t.rejects(runner.down(), { message: /0001-create-servers.*it has no down/ })
  t.match(readHistory(connection), [{ name: '0001-create-servers', migrator: '1.2.3', duration_ms: Number }])
})

t.test('what stands around statements can refuse them', async t => {
  const { connection, refuse, runner } = openForRunner(t, await ofTheImage())
  refuse()
  await t.rejects(runner.up(), { message: /refused/ })
  t.strictSame(readHistory(connection), [])
})

const never = new AbortController().signal
const refused = 'PRAGMA journal_mode = DELETE'
const watchOver = (signal: AbortSignal, limit: number) =>
  createWatch(signal, limit, sql => (sql === refused ? 'not for migrations' : undefined))

t.test('statements of the migration that runs are let through', async t => {
  const { before, run } = watchOver(never, 60)
  await t.resolves(
    run(first, async () => {
      before('SELECT 1')
      await setTimeout(1)
      before('SELECT 2')
    }),
  )
})

t.test('a statement that the database has no business to run for a migration is refused', async t => {
  const { before, run } = watchOver(never, 60)
  await t.rejects(
    run(first, async () => before(refused)),
    { message: 'not for migrations' },
  )
})

t.test('a statement outside any migration is refused', async t => {
  const { before } = watchOver(never, 60)
  t.throws(() => before('SELECT 1'))
})

t.test('a statement that the migration did not wait for fails it', async t => {
  const { before, run } = watchOver(never, 60)
  const drop = async () => {
    const later = setImmediate().then(() => before('DELETE FROM a'))
    later.catch(() => undefined)
  }
  await t.rejects(run(first, drop), { message: /after it returned.*DELETE FROM a/ })
})

t.test('a late statement is known even while the next migration runs, and whose it is', async t => {
  const { before, run, culprit } = watchOver(never, 60)
  let refused: unknown
  await run(first, async () => {
    setTimeout(150)
      .then(() => before('DELETE FROM a'))
      .catch(error => {
        refused = error
      })
  })
  const next = run(second, async () => {
    await setTimeout(400)
    before('SELECT 1')
  })
  const error = await next.catch((reason: unknown) => reason)
  t.match(error, { message: /after it returned.*DELETE FROM a/ })
  t.equal(error, refused)
  t.match(culprit(error), { name: '0001-a', file: first.file })
  t.equal(culprit(new Error('another')), undefined)
})

t.test('a promise that does not settle is given up after the limit', async t => {
  const { run } = watchOver(never, 0.05)
  const alive = setTimeout(1000)
  await t.rejects(
    run(first, () => new Promise(() => undefined)),
    { message: /not settled/ },
  )
  await alive
})

t.test('a statement that a server works on may take longer than the limit', async t => {
  const { before, untilAnswered, run } = watchOver(never, 0.05)
  const work = async () => {
    before('SELECT pg_sleep(0.5)')
    await untilAnswered(setTimeout(500).then(() => noResult))
  }
  await t.resolves(run(first, work))
  const idle = async () => {
    before('SELECT 1')
    await untilAnswered(Promise.resolve(noResult))
    await setTimeout(500)
  }
  await t.rejects(run(first, idle), { message: /not settled/ })
})

t.test('each statement starts the limit anew', async t => {
  const { before, run } = watchOver(never, 1)
  await t.resolves(
    run(first, async () => {
      for (let i = 0; i < 12; i += 1) {
        await setTimeout(100)
        before('SELECT 1')
      }
    }),
  )
})

t.test('a signal stops a migration that waits, with its reason, and refuses its next statement', async t => {
  const controller = new AbortController()
  const { before, run } = watchOver(controller.signal, 60)
  const stopped = run(first, () => new Promise(() => undefined))
  controller.abort(new Error('SIGTERM'))
  await t.rejects(stopped, { message: 'SIGTERM' })
  t.throws(() => before('SELECT 1'), { message: 'SIGTERM' })
})

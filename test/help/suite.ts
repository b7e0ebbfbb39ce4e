/**
 * What every engine keeps (src/engine.ts), asked of nothing but Engine, Session and Transaction, in SQL that all of them understand.
 */
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  type Engine,
  type Loss,
  type Migratable,
  type Reader,
  runPlain,
  type Session,
  type StatementHook,
  type Transaction,
} from '../../src/engine.ts'
import { Failure } from '../../src/failure.ts'
import { type AppliedMigration, historyTable } from '../../src/history.ts'
import type { MigrationFile } from '../../src/migrations/files.ts'
import { createGuard } from '../../src/migrations/guard.ts'
import type { LoadedMigration, Migration } from '../../src/migrations/load.ts'
import { readPlan } from '../../src/migrations/plan.ts'
import { applyMigrations, idleLimit } from '../../src/migrations/run.ts'
import { startKilled } from './killed.ts'

/** How the suite gets engines; what is exported so by a module that a child process can import too. */
export type EngineMaker = Readonly<{
  /** the module's own URL */
  module: string
  /** a place for a database that is not there yet, as a text; it goes with the test */
  makePlace: (t: Pick<Test, 'testdir' | 'teardown'>) => Promise<string>
  /** an engine there, as one run of the program has it */
  makeEngine: (place: string, settings: EngineSettings) => Promise<Engine>
}>

export type EngineSettings = Readonly<{
  /** seconds to wait for another writer */
  lockTimeout: number
  signal: AbortSignal
}>

const patient: EngineSettings = { lockTimeout: 30, signal: new AbortController().signal }

/** Runs SQL as a migration does. */
export const run = (database: Migratable, ...statements: readonly string[]): Promise<void> =>
  runBy(runPlain, database, statements)

const runBy = async (hook: StatementHook, database: Migratable, statements: readonly string[]): Promise<void> => {
  const { sequelize } = await database.editor(hook, () => undefined)
  for (const sql of statements) await sequelize.query(sql)
}

/** Watches over the rows from now on: `lost` runs statements as a migration would and tells what went, `missing` what is gone in the end. */
const watchRows = async (transaction: Transaction) => {
  const ledger = await transaction.ledger(undefined)
  const guard = createGuard(ledger)
  const toRows = (losses: readonly Loss[]) => losses.map(({ table, rows }) => ({ table, rows }))
  return {
    lost: async (...statements: readonly string[]) =>
      toRows(await guard.run('0001-a', [], () => runBy(ledger.around, transaction, statements))),
    missing: async () => toRows(await guard.finish()),
  }
}

/** How many rows a table has; undefined where there is none. */
const rowsOf = async (reader: Reader, table: string): Promise<number | undefined> =>
  (await reader.rows()).find(({ name }) => name === table)?.rows

/** Two rows in a table, which is what most rules are tried on. */
export const twoRows = ['CREATE TABLE a (x INTEGER)', 'INSERT INTO a VALUES (1), (2)'] as const

const query =
  (...statements: readonly string[]): Migration =>
  async ({ context }) => {
    for (const sql of statements) await context.sequelize.query(sql)
  }

const file = (name: string, checksum = `sha256:${name}`): MigrationFile => ({
  ...{ name, checksum },
  ...{ file: `/m/${name}.ts`, text: '' },
})
const migration = (name: string, up: Migration): LoadedMigration => ({
  ...file(name),
  ...{ up, down: undefined, removesRows: [] },
})
const first = migration('0001-a', query(...twoRows))
const second = migration('0002-b', query('INSERT INTO a VALUES (3)'))

const row = (name: string, more: Partial<AppliedMigration> = {}): AppliedMigration => ({
  ...{ name, checksum: `sha256:${name}`, applied_at: '2026-01-01T00:00:00.000Z', duration_ms: 5, migrator: '1.0.0' },
  ...more,
})
const unknown = { checksum: null, applied_at: null, duration_ms: null, migrator: null }

const apply = async (transaction: Transaction, migrations: readonly LoadedMigration[], signal = patient.signal) => {
  const { applied } = await applyMigrations(transaction, migrations, {
    ...{ version: '1.2.3', signal, idleLimit },
    ...{ onProgress: () => undefined, hook: runPlain, backup: undefined },
  })
  return applied
}

/** What another tool's history has. */
const others = [
  `CREATE TABLE "${historyTable}" (name VARCHAR(255) NOT NULL PRIMARY KEY)`,
  `INSERT INTO "${historyTable}" VALUES ('0001-a.js'), ('0009-z.cjs')`,
] as const

/** All that is in a database. */
const contentsOf = async (engine: Engine) =>
  engine.read('wait', async reader => ({
    objects: await reader.objects(),
    rows: await reader.rows(),
    history: (await reader.isEmpty()) ? [] : await reader.history(),
  }))

/** Two tables of which the second refers to the first, and a history. */
const fill = async (session: Session): Promise<void> => {
  await session.transaction(async transaction => {
    await run(transaction, 'CREATE TABLE p (id INTEGER PRIMARY KEY)', 'INSERT INTO p VALUES (1), (2)')
    await run(transaction, 'CREATE TABLE c (p INTEGER REFERENCES p (id))', 'INSERT INTO c VALUES (1)')
    await transaction.prepareHistory([])
    await transaction.record(row('0001-p'))
  })
  await session.handOver()
}

/** Runs the rules as tests of their own. */
export const engineSuite = (name: string, { module, makePlace, makeEngine }: EngineMaker): void => {
  /** A database and its runs: each `open` is one, with an engine and a session of its own. */
  const prepare = async (t: Test) => {
    const place = await makePlace(t)
    const open = async (settings: Partial<EngineSettings> = {}) => {
      const engine = await makeEngine(place, { ...patient, ...settings })
      const session = await engine.open()
      t.teardown(() => session.close())
      return { engine, session }
    }
    return { place, open, ...(await open()) }
  }
  const rule = (title: string, work: (t: Test) => Promise<void>): void => void t.test(`${name}: ${title}`, work)

  rule(
    'after a run that ended well it is not suspect, its commits can be flushed, and nothing is compiled',
    async t => {
      const { session } = await prepare(t)
      await fill(session)
      t.equal(await session.isSuspect(), false)
      await session.transaction(async transaction => {
        await transaction.flushCommitted()
        const present = { objects: await transaction.objects(), applied: await transaction.history() }
        t.equal(transaction.compiled([{ name: '0001-p', checksum: 'sha256:of another one' }], present).size, 0)
      })
    },
  )

  rule('there is nothing in a new database, and it has no history', async t => {
    const engine = await makeEngine(await makePlace(t), patient)
    t.equal(await engine.preflight(), 'empty')
    t.equal((await engine.read('fail', reader => reader.isEmpty())) ?? true, true)
    const session = await engine.open()
    t.equal(await session.isEmpty(), true)
    t.strictSame([await session.history(), await session.objects(), await session.rows()], [[], [], []])
    t.equal(await session.strangersTable(), undefined)
    await session.close()
  })

  rule('a first run that failed leaves nothing', async t => {
    const engine = await makeEngine(await makePlace(t), patient)
    const session = await engine.open()
    const failure = new Failure('MIGRATION_FAILED', 'out of luck', 'hint')
    const failing = session.transaction(async transaction => {
      await run(transaction, ...twoRows)
      throw failure
    })
    await t.rejects(failing, failure)
    await session.close(failure)
    t.equal(await engine.preflight(), 'empty')
    t.equal((await engine.read('fail', reader => reader.isEmpty())) ?? true, true)
  })

  rule('what a transaction made is there for all once it has ended, and for nobody before', async t => {
    const { engine, session, open } = await prepare(t)
    await fill(session)
    const before = await contentsOf(engine)
    const other = await open()
    await session.transaction(async transaction => {
      await run(transaction, ...twoRows)
      await transaction.record(row('0002-a'))
      t.equal(await rowsOf(transaction, 'a'), 2, 'itself it sees them')
      t.strictSame(await contentsOf(other.engine), before)
    })
    t.equal(await rowsOf(other.session, 'a'), 2)
    t.strictSame(await other.session.history(), [row('0001-p'), row('0002-a')])
    t.equal(await other.engine.preflight(), 'there')
  })

  rule('all of it or nothing: what is thrown in a transaction undoes it, and is thrown on', async t => {
    const { engine, session } = await prepare(t)
    await fill(session)
    const before = await contentsOf(engine)
    const reason = new Error('out of luck')
    const failing = session.transaction(async transaction => {
      await run(transaction, ...twoRows, 'DELETE FROM c', 'DROP TABLE c', 'ALTER TABLE p ADD COLUMN y INTEGER')
      await transaction.unrecord('0001-p')
      await transaction.record(row('0002-a'))
      throw reason
    })
    await t.rejects(failing, reason)
    t.strictSame(await contentsOf(engine), before)
    await session.transaction(transaction => run(transaction, ...twoRows))
    t.equal(await rowsOf(session, 'a'), 2, 'the next one begins anew')
  })

  for (const [title, up] of [
    ['throws', () => Promise.reject(new Error('out of luck'))],
    ['is no SQL', query('NONSENSE')],
    ['breaks a rule of a table', query('CREATE TABLE u (x INTEGER PRIMARY KEY)', 'INSERT INTO u VALUES (1), (1)')],
    ['ends the transaction itself', query('COMMIT')],
  ] satisfies readonly (readonly [string, Migration])[]) {
    rule(`a migration that ${title} takes those before it along`, async t => {
      const { engine, session } = await prepare(t)
      await fill(session)
      const before = await contentsOf(engine)
      const failing = session.transaction(transaction => apply(transaction, [first, second, migration('0003-c', up)]))
      await t.rejects(failing, { code: 'MIGRATION_FAILED', message: /0003-c/ })
      t.strictSame(await contentsOf(engine), before)
    })
  }

  rule('migrations are applied and recorded together', async t => {
    const { engine, session } = await prepare(t)
    t.match(await session.transaction(transaction => apply(transaction, [first, second])), [
      { name: '0001-a', milliseconds: Number },
      { name: '0002-b', milliseconds: Number },
    ])
    t.equal(await engine.read('wait', reader => rowsOf(reader, 'a')), 3)
    const applied = { checksum: /^sha256:/, migrator: '1.2.3', applied_at: /Z$/, duration_ms: Number }
    t.match(await engine.read('wait', reader => reader.history()), [
      { name: '0001-a', ...applied },
      { name: '0002-b', ...applied },
    ])
  })

  rule('what was committed in the middle stays, whatever comes after', async t => {
    const { session, open } = await prepare(t)
    const failing = session.transaction(async transaction => {
      await run(transaction, ...twoRows)
      await transaction.commit()
      throw new Error('too late')
    })
    await t.rejects(failing, { message: 'too late' })
    t.equal(await rowsOf((await open()).session, 'a'), 2)
  })

  rule('a second run waits for the first, and then sees what that has done', async t => {
    const { session, open } = await prepare(t)
    const other = await open()
    const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const order: string[] = []
    const one = session.transaction(async transaction => {
      held.resolve()
      await release.promise
      await apply(transaction, [first, second])
      order.push('one')
    })
    await held.promise
    const two = other.session.transaction(async transaction => {
      order.push('two')
      return apply(transaction, [first, second])
    })
    await setTimeout(100)
    t.strictSame(order, [])
    release.resolve()
    await one
    t.strictSame(await two, [], 'nothing is left to apply')
    t.strictSame(order, ['one', 'two'])
  })

  rule('a run that waited too long is told that the database is busy, and has done nothing', async t => {
    const { session, open } = await prepare(t)
    const { engine, session: impatient } = await open({ lockTimeout: 0 })
    await session.transaction(async transaction => {
      await run(transaction, ...twoRows)
      const refused = impatient.transaction(async () => t.fail('it has the lock as well'))
      await t.rejects(
        refused.catch(error => Promise.reject(engine.explain(error))),
        { code: 'DATABASE_BUSY' },
      )
    })
    await t.resolves(
      impatient.transaction(async () => undefined),
      'once it is free it can be had',
    )
  })

  rule('a signal ends the wait, with its reason', async t => {
    const { session, open } = await prepare(t)
    const controller = new AbortController()
    const { session: waiting } = await open({ signal: controller.signal })
    const reason = new Failure('SIGTERM', 'stopped', 'hint')
    await session.transaction(async () => {
      const stopped = waiting.transaction(async () => t.fail('it has the lock as well'))
      controller.abort(reason)
      await t.rejects(stopped, reason)
    })
  })

  rule('a snapshot is of one state, though another run commits in between', async t => {
    const { session, open } = await prepare(t)
    await fill(session)
    const other = await open()
    const seen = await session.snapshot(async () => {
      const before = [await session.rows(), await session.history(), await session.objects()]
      await other.session.transaction(transaction => apply(transaction, [first]))
      t.strictSame([await session.rows(), await session.history(), await session.objects()], before)
      return before
    })
    t.notSame([await session.rows(), await session.history(), await session.objects()], seen)
  })

  rule('the history is read back as it was recorded, by name', async t => {
    const { engine, session } = await prepare(t)
    await session.transaction(async transaction => {
      await transaction.prepareHistory([])
      t.strictSame(await transaction.history(), [])
      await transaction.record(row('0002-b', { duration_ms: null, migrator: null }))
      await transaction.record(row('0001-a'))
      await transaction.record(row('0003-c'))
      await transaction.unrecord('0003-c')
    })
    const recorded = [row('0001-a'), row('0002-b', { duration_ms: null, migrator: null })]
    t.strictSame(await session.history(), recorded)
    t.strictSame(await engine.read('wait', reader => reader.history()), recorded)
    t.equal(await session.strangersTable(), undefined)
  })

  rule('nothing is recorded twice', async t => {
    const { session } = await prepare(t)
    const twice = session.transaction(async transaction => {
      await transaction.prepareHistory([])
      await transaction.record(row('0001-a'))
      await transaction.record(row('0001-a'))
    })
    await t.rejects(twice)
  })

  rule("another tool's history is read as ours, and gets our columns and the known checksums once", async t => {
    const { session } = await prepare(t)
    await session.transaction(transaction => run(transaction, ...others))
    t.strictSame(await session.history(), [
      { name: '0001-a', ...unknown },
      { name: '0009-z', ...unknown },
    ])
    t.equal(await session.strangersTable(), undefined)
    for (const checksum of ['sha256:1', 'sha256:2'])
      await session.transaction(transaction => transaction.prepareHistory([{ name: '0001-a', checksum }]))
    await session.transaction(transaction => transaction.record(row('0002-b')))
    t.strictSame(await session.history(), [
      { name: '0001-a', ...unknown, checksum: 'sha256:1' },
      row('0002-b'),
      { name: '0009-z', ...unknown },
    ])
  })

  rule("what has the history's name and is none is refused", async t => {
    const { session } = await prepare(t)
    await session.transaction(transaction => run(transaction, `CREATE TABLE "${historyTable}" (x INTEGER)`))
    await t.rejects(session.history(), { code: 'HISTORY_CONFLICT', message: new RegExp(historyTable) })
    await t.rejects(
      session.transaction(transaction => transaction.prepareHistory([])),
      { code: 'HISTORY_CONFLICT' },
    )
  })

  rule('the first table of a database without history is named, and none beside one', async t => {
    const { session } = await prepare(t)
    await session.transaction(transaction => run(transaction, 'CREATE TABLE b (x INTEGER)', ...twoRows))
    t.equal(await session.strangersTable(), 'a')
    t.match((await readPlan(session, [file('0001-a')])).conflicts, [{ code: 'HISTORY_CONFLICT', name: 'table a' }])
    await session.transaction(transaction => transaction.prepareHistory([]))
    t.equal(await session.strangersTable(), undefined)
    t.match(await readPlan(session, [file('0001-a')]), { applied: [], pending: [{ name: '0001-a' }] })
  })

  for (const [title, recorded, known, conflicts] of [
    ['a database that is ahead', ['0001-a', '0002-b'], ['0001-a'], ['DATABASE_AHEAD 0002-b']],
    ['a migration that was changed', ['0001-a'], ['0001-a=other'], ['HISTORY_CONFLICT 0001-a']],
    ['a migration that is out of order', ['0002-b'], ['0001-a', '0002-b'], ['OUT_OF_ORDER 0001-a']],
    ['nothing else', ['0001-a'], ['0001-a', '0002-b'], []],
  ] as const) {
    rule(`the plan refuses ${title}`, async t => {
      const { session } = await prepare(t)
      const files = known.map(text => {
        const [name = '', checksum] = text.split('=')
        return file(name, checksum)
      })
      await session.transaction(async transaction => {
        await transaction.prepareHistory([])
        for (const name of recorded) await transaction.record(row(name))
        const { conflicts: found } = await readPlan(transaction, files)
        t.strictSame(
          found.map(({ code, name }) => `${code} ${name}`),
          conflicts,
        )
      })
      const { applied, pending } = await readPlan(session, files)
      t.strictSame(
        [applied.map(({ name }) => name), pending.map(({ name }) => name)],
        [recorded, known.map(text => text.replace(/=.*/, '')).filter(name => !recorded.some(other => other === name))],
      )
    })
  }

  rule('the guard tells of rows that are gone, and of a table that went with its rows', async t => {
    const { session } = await prepare(t)
    await session.transaction(async transaction => {
      await run(transaction, ...twoRows)
      const { lost } = await watchRows(transaction)
      t.strictSame(await lost('INSERT INTO a VALUES (3)', 'UPDATE a SET x = x + 1'), [])
      t.strictSame(await lost('DELETE FROM a WHERE x = 2'), [{ table: 'a', rows: 1 }])
      t.strictSame(await lost('ALTER TABLE a RENAME TO b'), [])
      t.strictSame(await lost('DROP TABLE b'), [{ table: 'b', rows: 2 }])
      t.strictSame(await lost('CREATE TABLE e (x INTEGER)', 'DROP TABLE e'), [])
    })
  })

  rule('in the end every old row is looked for: one that another took the place of is missing', async t => {
    const { session } = await prepare(t)
    await fill(session)
    await session.transaction(async transaction => {
      const { lost, missing } = await watchRows(transaction)
      t.strictSame(await lost('DELETE FROM p WHERE id = 2', 'INSERT INTO p VALUES (9)'), [])
      t.strictSame(await missing(), [{ table: 'p', rows: 1 }])
    })
  })

  rule('a row that loses its parent is refused, or told of as what no migration may do', async t => {
    const { session } = await prepare(t)
    await fill(session)
    const orphaned = session.transaction(async transaction => {
      const { lost } = await watchRows(transaction)
      const losses = await lost('DELETE FROM p WHERE id = 1')
      if (losses.some(({ table, rows }) => table === null && rows === 1)) throw new Error('told')
    })
    await t.rejects(orphaned)
    t.strictSame([await rowsOf(session, 'c'), await rowsOf(session, 'p')], [1, 2])
  })

  rule('a migration that loses rows fails, and they are there again', async t => {
    const { engine, session } = await prepare(t)
    await session.transaction(transaction => apply(transaction, [first]))
    const before = await contentsOf(engine)
    const losing = migration('0002-b', query('DELETE FROM a WHERE x = 1'))
    const failing = session.transaction(transaction => apply(transaction, [first, losing]))
    await t.rejects(failing, { code: 'MIGRATION_FAILED', message: /0002-b.*a had 2 rows and has 1/ })
    t.strictSame(await contentsOf(engine), before)
  })

  rule('what stands around the statements sees each, and can refuse it', async t => {
    const { session } = await prepare(t)
    await session.transaction(async transaction => {
      await run(transaction, ...twoRows)
      const seen: string[] = []
      const { sequelize } = await transaction.editor(
        ({ sql }, execute) => {
          seen.push(sql)
          if (sql.startsWith('DELETE')) throw new Error('refused')
          return execute()
        },
        () => undefined,
      )
      await sequelize.query('INSERT INTO a VALUES (3)')
      await t.rejects(sequelize.query('DELETE FROM a'), { message: /refused/ })
      t.match(seen, [/^INSERT/, /^DELETE/])
      t.equal(await rowsOf(transaction, 'a'), 3)
      t.equal(transaction.refusal('INSERT INTO a VALUES (3)'), undefined)
    })
  })

  rule('what is tried out before a run leaves nothing behind', async t => {
    const { engine, session } = await prepare(t)
    await fill(session)
    const before = await contentsOf(engine)
    await session.transaction(async transaction => {
      await transaction.probe()
      for (const { what, bytes, files } of await transaction.spaceFor(['']))
        t.ok(bytes >= 0 && files >= 0, `${what}: ${bytes} bytes in ${files} files`)
    })
    t.strictSame(await contentsOf(engine), before)
  })

  for (const [when, isKept] of [
    ['inside its transaction', false],
    ['after its commit', true],
  ] as const) {
    rule(
      `a run that is killed ${when} ${isKept ? 'has done it' : 'leaves the database as it was, and free'}`,
      async t => {
        const { engine, place, session, open } = await prepare(t)
        await fill(session)
        await session.close()
        const before = await contentsOf(engine)
        const { kill } = await startKilled(module, place, isKept)
        if (!isKept) {
          const busy = await open({ lockTimeout: 0 })
          const refused = busy.session.transaction(async () => undefined)
          await t.rejects(
            refused.catch(error => Promise.reject(busy.engine.explain(error))),
            { code: 'DATABASE_BUSY' },
            'it has the lock while it lives',
          )
          await busy.session.close()
        }
        await kill()
        const { session: next } = await open({ lockTimeout: 5 })
        await next.transaction(async transaction => {
          t.equal(await rowsOf(transaction, 'a'), isKept ? 2 : undefined)
          t.strictSame(await transaction.history(), isKept ? [row('0001-p'), row('0002-a')] : [row('0001-p')])
        })
        if (!isKept) t.strictSame(await contentsOf(engine), before)
      },
    )
  }
}

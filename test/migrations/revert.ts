import { join } from 'node:path'
import t, { type Test } from 'tap'
import { plainly } from '../../src/database/around.ts'
import { openDatabase } from '../../src/database/open.ts'
import { withTransaction } from '../../src/database/transaction.ts'
import { Failure } from '../../src/failure.ts'
import { applyMigrations } from '../../src/migrations/apply.ts'
import { readHistory } from '../../src/migrations/history.ts'
import type { LoadedMigration, Migration } from '../../src/migrations/load.ts'
import { revertMigrations } from '../../src/migrations/revert.ts'
import { dump } from '../help/program.ts'

const signal = new AbortController().signal
const patience = { lockTimeout: 0, signal, onWait: () => undefined }
const options = { version: '1.2.3', signal, settleLimit: 60, onProgress: () => undefined, around: plainly }
const query =
  (...statements: readonly string[]): Migration =>
  async ({ context }) => {
    for (const sql of statements) await context.sequelize.query(sql)
  }
const migration = (name: string, up: Migration, down: Migration | undefined): LoadedMigration => ({
  ...{ name, file: `/m/${name}.ts`, checksum: `sha256:${name}` },
  ...{ up, down, removesRows: [] },
})
const a = migration(
  '0001-a',
  query('CREATE TABLE a (id INTEGER PRIMARY KEY)', 'INSERT INTO a VALUES (1), (2)'),
  query('DROP TABLE a'),
)
const b = migration(
  '0002-b',
  query('CREATE TABLE b (a REFERENCES a (id))', 'INSERT INTO b VALUES (1)'),
  query('DROP TABLE b'),
)

/** A database to which migrations were applied, and a function that takes some back. */
const prepare = async (t: Pick<Test, 'testdir' | 'teardown'>, migrations: readonly LoadedMigration[]) => {
  const file = join(t.testdir(), 'x.db')
  const connection = openDatabase(file)
  t.teardown(() => connection.close())
  await withTransaction(connection, patience, () => applyMigrations(connection, migrations, options))
  const revert = (names: readonly string[], mayLose: (table: string) => boolean = () => true, stop = signal) =>
    withTransaction(connection, patience, () =>
      revertMigrations(connection, migrations, names, { ...options, signal: stop }, mayLose),
    )
  return { file, connection, revert }
}

t.test(
  'migrations are taken back in the order that is given, with their records, and each tells what it did',
  async t => {
    const { connection, revert } = await prepare(t, [a, b])
    t.match(await revert(['0002-b', '0001-a']), [
      { name: '0002-b', structure: [{ change: 'removed', kind: 'table', name: 'b' }], losses: [{ table: 'b' }] },
      {
        name: '0001-a',
        structure: [{ change: 'removed', kind: 'table', name: 'a' }],
        losses: [{ table: 'a', text: /2 rows/ }],
      },
    ])
    t.strictSame(readHistory(connection), [])
  },
)

t.test('what is not to be lost is not, and all is as it was', async t => {
  const { file, revert } = await prepare(t, [a, b])
  const before = dump(file)
  const kept = revert(['0002-b', '0001-a'], table => table === 'b')
  await t.rejects(kept, { code: 'MIGRATION_FAILED', message: /0001-a lost data: a had 2 rows/ })
  t.equal(dump(file), before)
})

t.test('rows without their parent are never meant', async t => {
  const orphans = migration('0002-b', b.up, query('DELETE FROM a WHERE id = 1'))
  const { file, revert } = await prepare(t, [a, orphans])
  const before = dump(file)
  await t.rejects(revert(['0002-b']), { code: 'MIGRATION_FAILED', message: /break the foreign key b -> a/ })
  t.equal(dump(file), before)
})

t.test('one that throws, that has no down, or that was not awaited, takes nothing back', async t => {
  for (const down of [
    query('NONSENSE'),
    undefined,
    (async ({ context }) => void context.sequelize.query('DROP TABLE b').catch(() => undefined)) satisfies Migration,
  ]) {
    const { file, revert } = await prepare(t, [a, migration('0002-b', b.up, down)])
    const before = dump(file)
    await t.rejects(revert(['0002-b']), { code: 'MIGRATION_FAILED', message: /0002-b/ })
    t.equal(dump(file), before)
  }
})

t.test('a signal stops it', async t => {
  const { revert } = await prepare(t, [a, b])
  const controller = new AbortController()
  const reason = new Failure('SIGTERM', 'stopped', 'hint')
  controller.abort(reason)
  await t.rejects(
    revert(['0002-b'], () => true, controller.signal),
    reason,
  )
})

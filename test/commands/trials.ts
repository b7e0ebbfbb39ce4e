import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { createTrials, sizeNow } from '../../src/commands/trials.ts'
import { connectSequelize } from '../../src/database/sequelize.ts'
import type { LoadedMigration, Migration } from '../../src/migrations/load.ts'
import { makeSafe } from '../../src/migrations/schema-editor.ts'

/** Trials on a database with two rows, in a transaction. */
const begin = (t: Pick<Test, 'teardown'>) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1), (2); CREATE TABLE SequelizeMeta (name); BEGIN')
  const names: string[] = []
  const { around, tried, trials } = createTrials(connection, name => names.push(name))
  const context = makeSafe(connectSequelize(connection, around).getQueryInterface(), () => undefined)
  const run = (up: Migration) => {
    const migration: LoadedMigration = { name: '0001-a', file: '', checksum: '', up, down: undefined, removesRows: [] }
    return tried(migration).up({ name: '0001-a', context })
  }
  return { connection, names, run, trials }
}

t.test('a trial has what the migration did, rows before and after, and by how much the database grew', async t => {
  const { names, run, trials } = begin(t)
  await run(async ({ context }) => {
    await context.sequelize.query('CREATE TABLE b (x)')
    await context.sequelize.query('INSERT INTO b VALUES (randomblob(100000))')
  })
  t.strictSame(names, ['0001-a'])
  t.match(trials, [
    {
      migration: { name: '0001-a' },
      recording: { steps: [{ sql: 'CREATE TABLE b (x)' }, { rows: 1 }] },
      before: [{ name: 'a', rows: 2 }],
      valuesBefore: [{ table: 'a', column: 'x', number: 2 }],
      end: {
        after: [
          { name: 'a', rows: 2 },
          { name: 'b', rows: 1 },
        ],
        valuesAfter: [
          { table: 'a', column: 'x', number: 2 },
          { table: 'b', column: 'x', number: 1 },
        ],
        milliseconds: Number,
        returned: true,
      },
    },
  ])
  t.ok(Number(trials[0]?.end?.bytes) > 100_000)
})

t.test('one that throws leaves its trial, and throws on', async t => {
  const { run, trials } = begin(t)
  const failing = run(async ({ context }) => {
    await context.sequelize.query('DELETE FROM a WHERE x = 1')
    throw new Error('out of luck')
  })
  await t.rejects(failing, { message: 'out of luck' })
  t.match(trials, [{ recording: { steps: [{ rows: 1 }] }, end: { after: [{ name: 'a', rows: 1 }], returned: false } }])
})

t.test('one that ends when all is over has no end', async t => {
  const { connection, run, trials } = begin(t)
  const late = run(() => setTimeout(10))
  connection.exec('ROLLBACK')
  await late
  t.match(trials, [{ end: undefined }])
})

t.test('the size of a database is that after a commit now', async t => {
  const { connection } = begin(t)
  const before = sizeNow(connection)
  connection.exec('INSERT INTO a VALUES (randomblob(8192))')
  t.equal(sizeNow(connection), before + 2 * 4096)
})

/** What a migration does with transactions ends as it was told, or the whole migration fails and nothing is changed. */
import { join } from 'node:path'
import { DataTypes, type Sequelize } from 'sequelize'
import t, { type Test } from 'tap'
import { runPlain, type SchemaEditor } from '../../src/engine.ts'
import { rehearse } from '../../src/lint/rehearse.ts'
import type { LoadedMigration } from '../../src/migrations/load.ts'
import { applyMigrations } from '../../src/migrations/run.ts'
import { openDatabase, withTransaction } from '../../src/sqlite/connect.ts'
import { migratableOn } from '../../src/sqlite/transaction.ts'
import { dump } from '../help/program.ts'

const { signal } = new AbortController()
const made = `CREATE TABLE a (x UNIQUE); INSERT INTO a VALUES (1), (2);
  CREATE TRIGGER kept BEFORE DELETE ON a WHEN old.x = 2 BEGIN SELECT RAISE(ROLLBACK, 'it stays'); END`

const migration = (work: (sequelize: Sequelize) => Promise<unknown>): LoadedMigration => ({
  name: '0001-a',
  file: '/m/0001-a.ts',
  text: '',
  checksum: 'sha256:0001-a',
  up: ({ context }) => work(context.sequelize),
  down: undefined,
  removesRows: [],
})

/** Runs a migration as `up` does. */
const open = (t: Pick<Test, 'testdir' | 'teardown'>) => {
  const path = join(t.testdir(), 'x.db')
  const connection = openDatabase(path)
  t.teardown(() => connection.close())
  connection.exec(made)
  const apply = (work: (sequelize: Sequelize) => Promise<unknown>) =>
    withTransaction(connection, { lockTimeout: 0, signal, onWait: () => undefined }, () =>
      applyMigrations(migratableOn(connection), [migration(work)], {
        version: '1.2.3',
        signal,
        idleLimit: 60,
        onProgress: () => undefined,
        hook: runPlain,
        backup: undefined,
      }),
    )
  return { path, connection, apply }
}
const dropped = () => undefined

for (const [how, sql] of [
  ['ON CONFLICT ROLLBACK', 'INSERT OR ROLLBACK INTO a VALUES (1)'],
  ['RAISE(ROLLBACK)', 'DELETE FROM a'],
] as const)
  t.test(`a migration that catches ${how} has nothing stored`, async t => {
    const { path, apply } = open(t)
    const before = dump(path)
    const caught = apply(async sequelize => {
      await sequelize.query(sql).catch(dropped)
      await sequelize.query('DELETE FROM a WHERE x = 1').catch(dropped)
      await sequelize.query('CREATE TABLE b (x)').catch(dropped)
    })
    await t.rejects(caught, { code: 'MIGRATION_FAILED', message: /SQLite itself rolled everything back at / })
    t.equal(dump(path), before)
  })

t.test('a migration that catches a full disk has nothing stored, and the disk is what is told', async t => {
  const { path, connection, apply } = open(t)
  const before = dump(path)
  const caught = apply(async sequelize => {
    connection.pragma(`max_page_count = ${Number(connection.pragma('page_count', { simple: true })) + 4}`)
    await sequelize.query('CREATE TABLE b (x)')
    for (let i = 0; i < 4; i += 1) await sequelize.query('INSERT INTO b VALUES (zeroblob(20000))').catch(dropped)
    await sequelize.query('DELETE FROM a WHERE x = 1').catch(dropped)
  })
  await t.rejects(caught, { code: 'DISK_FULL' })
  t.equal(dump(path), before)
})

t.test('a migration that catches the end of an outer transaction before an inner one has nothing stored', async t => {
  const { path, apply } = open(t)
  const before = dump(path)
  const caught = apply(async sequelize => {
    const [outer, inner] = [await sequelize.transaction(), await sequelize.transaction()]
    await sequelize.query('INSERT INTO a VALUES (3)', { transaction: inner })
    await outer.commit().catch(dropped)
    await inner.commit().catch(dropped)
  })
  await t.rejects(caught, { code: 'MIGRATION_FAILED', message: /end the inner one first/ })
  t.equal(dump(path), before)
})

t.test('a transaction that is over without a statement of the migration is no success', async t => {
  const { connection, path, apply } = open(t)
  const before = dump(path)
  await t.rejects(
    apply(async () => connection.exec('ROLLBACK')),
    { code: 'MIGRATION_FAILED', message: /rolled the transaction back, and nothing of it is left/ },
  )
  t.equal(dump(path), before)
})

t.test('what a ROLLBACK undid of others is not called applied', async t => {
  const { path, apply } = open(t)
  const before = dump(path)
  const rolledBack = apply(async sequelize => {
    const outer = await sequelize.transaction()
    await sequelize.query('INSERT INTO a VALUES (3)')
    await outer.rollback()
  })
  await t.rejects(rolledBack, { code: 'MIGRATION_FAILED', message: /undid a statement .*VALUES \(3\)/ })
  t.equal(dump(path), before)
})

t.test('calls that are made safe work in the transaction that they are given', async t => {
  const { connection, apply } = open(t)
  const objects = () =>
    connection.prepare("SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'a' ORDER BY name").all()
  const before = objects()
  await apply(async sequelize => {
    const schema = sequelize.getQueryInterface() as SchemaEditor
    const transaction = await sequelize.transaction()
    await schema.addIndex('a', ['x'], { name: 'by_x', transaction })
    await schema.addIndex('a', { name: 'by_x_again', fields: ['x'], transaction })
    await schema.removeIndex('a', 'by_x_again', { transaction })
    await schema.changeColumn('a', 'x', { type: DataTypes.STRING(9) }, { transaction })
    await schema.renameColumn('a', 'x', 'y', { transaction })
    await schema.addColumn('a', 'z', DataTypes.TEXT, { transaction })
    await schema.removeColumn('a', 'z', { transaction })
    await schema.addConstraint('a', { type: 'unique', name: 'once', fields: ['y'], transaction })
    await schema.removeConstraint('a', 'once', { transaction })
    await schema.rebuildTable('a', "CREATE TABLE a (y UNIQUE, z DEFAULT '')", { transaction })
    await schema.backfill('UPDATE a SET z = y WHERE rowid BETWEEN $first AND $last', { table: 'a', transaction })
    await transaction.rollback()
  })
  t.strictSame(connection.prepare('SELECT * FROM a').all(), [{ x: 1 }, { x: 2 }])
  t.strictSame(objects(), before)
})

t.test('the error of a migration that rolls back and throws is the one that is told', async t => {
  const { apply } = open(t)
  const failed = apply(sequelize =>
    sequelize.transaction(async () => {
      await sequelize.query('INSERT INTO a VALUES (3)')
      throw new Error('the reason')
    }),
  )
  await t.rejects(failed, { code: 'MIGRATION_FAILED', message: /the reason/ })
})

t.test('a transaction that is never ended fails the migration', async t => {
  const { path, apply } = open(t)
  const before = dump(path)
  await t.rejects(
    apply(async sequelize => {
      const transaction = await sequelize.transaction()
      await sequelize.query('INSERT INTO a VALUES (3)', { transaction })
    }),
    { code: 'MIGRATION_FAILED', message: /did not end it/ },
  )
  t.equal(dump(path), before)
})

for (const script of [
  'BEGIN; DELETE FROM a WHERE x = 1; COMMIT',
  '/* BEGIN */ begin transaction;\nINSERT INTO a VALUES (3);\nEND;',
  'COMMIT; BEGIN',
  'ROLLBACK; -- and\nDELETE FROM a WHERE x = 1',
])
  t.test(`a script is refused as a whole: ${JSON.stringify(script)}`, async t => {
    const { path, apply } = open(t)
    const before = dump(path)
    await t.rejects(
      apply(sequelize => sequelize.query(script)),
      { code: 'MIGRATION_FAILED', message: /several statements/ },
    )
    t.equal(dump(path), before)
  })

t.test('a text that begins with a comment is run, which Sequelize itself passes over in silence', async t => {
  const { connection, apply } = open(t)
  await apply(async sequelize => {
    await sequelize.query('-- BEGIN\n  -- and more\n\nINSERT INTO a VALUES (3)')
    await sequelize.query({ query: '-- four: ?\r\nINSERT INTO a VALUES (?)', values: [4] })
    await sequelize.query('-- nothing else')
  })
  t.strictSame(connection.prepare('SELECT x FROM a').pluck().all(), [1, 2, 3, 4])
})

t.test('transactions one after the other, and nested ones, are what they say', async t => {
  const { connection, apply } = open(t)
  await apply(async sequelize => {
    const x = { type: DataTypes.INTEGER, primaryKey: true }
    const Row = sequelize.define('a', { x }, { tableName: 'a', timestamps: false })
    for (const x of [1, 3, 3]) await Row.findOrCreate({ where: { x } })
    await sequelize.transaction(async transaction => {
      await Row.create({ x: 4 }, { transaction })
      const nested = await sequelize.transaction({ transaction })
      await Row.create({ x: 5 }, { transaction: nested })
      await nested.rollback()
      await sequelize.transaction(inner => Row.create({ x: 6 }, { transaction: inner }))
    })
  })
  t.strictSame(connection.prepare('SELECT x FROM a ORDER BY x').pluck().all(), [1, 2, 3, 4, 6])
})

t.test('lint tells of a migration that has everything rolled back, and ends with it', async t => {
  const breaks = migration(async sequelize => {
    await sequelize.query('CREATE TABLE a (x UNIQUE)')
    await sequelize.query('INSERT INTO a VALUES (1)')
    await sequelize.query('INSERT OR ROLLBACK INTO a VALUES (1)').catch(dropped)
  })
  const options = { version: '1.2.3', signal, idleLimit: 60, onRun: dropped }
  const [first, second] = await rehearse([breaks, { ...breaks, name: '0002-b' }], options)
  t.match(first?.up.failed, /SQLite itself rolled everything back/)
  t.equal(second, undefined)
})

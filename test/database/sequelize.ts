import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DataTypes, UniqueConstraintError } from 'sequelize'
import t from 'tap'
import { openDatabase } from '../../src/database/open.ts'
import { connectSequelize } from '../../src/database/sequelize.ts'

t.test('everything Sequelize does is inside the transaction that is open', async t => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  t.teardown(() => connection.close())
  const sequelize = connectSequelize(connection)
  connection.exec('BEGIN IMMEDIATE')
  const Thing = sequelize.define('thing', { name: { type: DataTypes.TEXT, unique: true } }, { timestamps: false })
  await Thing.sync()
  const things = await Thing.bulkCreate([{ name: 'a' }, { name: 'b' }])
  t.strictSame(
    things.map(thing => thing.get('id')),
    [1, 2],
  )
  await t.rejects(Thing.create({ name: 'a' }), UniqueConstraintError)
  await t.rejects(
    sequelize.transaction(async transaction => {
      await Thing.create({ name: 'c' }, { transaction })
      await Thing.create({ name: 'd' })
      throw new Error('changed my mind')
    }),
    { message: 'changed my mind' },
  )
  t.equal(await Thing.count(), 2)
  connection.exec('ROLLBACK')
  t.equal(connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get(), 0)
})

t.test('Sequelize makes no folder and leaves foreign keys as they are', async t => {
  const folder = t.testdir()
  const connection = openDatabase(join(folder, 'x.db'))
  t.teardown(() => connection.close())
  connection.pragma('foreign_keys = OFF')
  const sequelize = connectSequelize(connection)
  await sequelize.query('SELECT 1')
  t.equal(connection.pragma('foreign_keys', { simple: true }), 0)
  await sequelize.close()
  t.equal(connection.open, true)
  t.equal(existsSync(join(folder, 'x.db')), true)
})

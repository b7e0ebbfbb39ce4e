import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { DataTypes, UniqueConstraintError } from '@sequelize/core'
import t, { type Test } from 'tap'
import { connectSequelize } from '../../src/hub/sequelize-v7.ts'
import { openDatabase } from '../../src/sqlite/connect.ts'

const open = async (t: Pick<Test, 'testdir' | 'teardown'>) => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  t.teardown(() => connection.close())
  const sequelize = connectSequelize(connection)
  const Thing = sequelize.define('thing', { name: { type: DataTypes.TEXT, unique: true } }, { timestamps: false })
  await Thing.sync()
  return { connection, sequelize, Thing }
}

t.test('a transaction that fails undoes its own part, and no query of another request', async t => {
  const { sequelize, Thing } = await open(t)
  const failing = sequelize.transaction(async () => {
    await Thing.create({ name: 'a' })
    await setTimeout(50)
    throw new Error('changed my mind')
  })
  const other = setTimeout(20).then(() => Thing.create({ name: 'b' }))
  await t.rejects(failing, { message: 'changed my mind' })
  await other
  t.match(await Thing.findAll({ raw: true }), [{ name: 'b' }])
  await t.rejects(Thing.create({ name: 'b' }), UniqueConstraintError)
})

t.test('everything is inside the transaction that is open on the connection', async t => {
  const { connection, sequelize, Thing } = await open(t)
  connection.exec('BEGIN IMMEDIATE')
  await sequelize.transaction(() => Thing.create({ name: 'a' }))
  connection.exec('ROLLBACK')
  t.equal(await Thing.count(), 0)
})

t.test('foreign keys stay as they are, and the connection stays open', async t => {
  const { connection, sequelize } = await open(t)
  connection.pragma('foreign_keys = OFF')
  await sequelize.query('SELECT 1')
  t.equal(connection.pragma('foreign_keys', { simple: true }), 0)
  await sequelize.close()
  t.equal(connection.open, true)
})

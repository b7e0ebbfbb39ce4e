import Database from 'better-sqlite3'
import { type AddConstraintOptions, DataTypes, Op } from 'sequelize'
import t, { type Test } from 'tap'
import { runPlain } from '../../../src/engine.ts'
import { createHandle } from '../../../src/sqlite/bridge/handle.ts'
import { connectHandle } from '../../../src/sqlite/bridge/sequelize.ts'
import { columnSql, constraintSql } from '../../../src/sqlite/editor/sequelize-internals.ts'

const open = (t: Pick<Test, 'teardown'>) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  return connectHandle(createHandle(connection), runPlain).getQueryInterface()
}

t.test('a constraint is what Sequelize makes of it, and what was passed in stays', async t => {
  const options = {
    type: 'check',
    name: 'small',
    fields: ['x'],
    where: { x: { [Op.lt]: 5 } },
  } satisfies AddConstraintOptions
  t.equal(constraintSql(open(t), 'a', options), 'CONSTRAINT `small` CHECK (`x` < 5)')
  t.match(options.where, { x: Object })
})

t.test('a foreign key without what it refers to is an error', async t => {
  t.throws(() =>
    constraintSql(open(t), 'a', {
      type: 'foreign key',
      name: 'f',
      fields: ['x'],
      onDelete: 'cascade',
      onUpdate: 'cascade',
    }),
  )
})

t.test('a column has a type and, where SQLite can fill it in, a default', async t => {
  const schema = open(t)
  t.strictSame(columnSql(schema, { type: DataTypes.STRING(20), defaultValue: "it's" }), {
    type: 'VARCHAR(20)',
    fallback: "DEFAULT 'it''s'",
  })
  t.strictSame(columnSql(schema, { type: DataTypes.BOOLEAN, defaultValue: true }), {
    type: 'TINYINT(1)',
    fallback: 'DEFAULT 1',
  })
  t.match(columnSql(schema, { type: DataTypes.DATE, defaultValue: DataTypes.NOW }), { fallback: '' })
})

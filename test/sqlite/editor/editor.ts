import Database from 'better-sqlite3'
import { DataTypes, Op, type QueryInterface } from 'sequelize'
import t, { type Test } from 'tap'
import { makeEditor } from '../../help/editor.ts'

/** Everything that Sequelize's own calls lose, around one parent and its two children. */
const everything = `
  CREATE TABLE parents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE DEFAULT 'a;b', size INTEGER CHECK (size > 0), spare TEXT,
    twice INTEGER GENERATED ALWAYS AS (size * 2) VIRTUAL, UNIQUE (name, size)
  );
  CREATE TABLE "odd ""children" (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents (id) ON DELETE CASCADE, note TEXT);
  CREATE INDEX partial ON parents (size) WHERE size > 5;
  CREATE INDEX expression ON parents (lower(name));
  CREATE TABLE log (x);
  CREATE TRIGGER watch AFTER UPDATE ON parents BEGIN INSERT INTO log VALUES (new.id); END;
  CREATE VIEW big AS SELECT id, name FROM parents WHERE size > 5;
  INSERT INTO parents (id, name, size, spare) VALUES (1, 'one', 1, 'x'), (7, 'seven', 7, 'y');
  DELETE FROM parents WHERE id = 7;
  INSERT INTO "odd ""children" VALUES (1, 1, 'a'), (2, 1, 'b');`

const open = (t: Pick<Test, 'teardown'>) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(everything)
  const schema = makeEditor(connection)
  const sqlOf = (name: string) =>
    String(connection.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').pluck().get(name))
  const state = () => ({
    objects: connection.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all(),
    children: connection.prepare('SELECT * FROM "odd ""children"').all(),
    parents: connection.prepare('SELECT id, name, size FROM parents').all(),
    sequence: connection.prepare('SELECT * FROM sqlite_sequence').all(),
  })
  return { connection, schema, sqlOf, state }
}
/** All but the statement of the table that was altered. */
const except = ({ objects, ...rest }: ReturnType<ReturnType<typeof open>['state']>, ...names: readonly string[]) => ({
  ...rest,
  objects: objects.filter(object => !names.includes(Object(object).name)),
})

for (const [title, change, expected] of [
  ['removeColumn', (schema: QueryInterface) => schema.removeColumn('parents', 'spare'), /^(?!.*spare)/s],
  [
    'changeColumn to NOT NULL',
    (schema: QueryInterface) => schema.changeColumn('parents', 'spare', { type: DataTypes.TEXT, allowNull: false }),
    /spare TEXT NOT NULL/,
  ],
  ['renameColumn', (schema: QueryInterface) => schema.renameColumn('parents', 'spare', 'extra'), /"?extra"? TEXT/],
] as const) {
  t.test(`${title} does that and nothing else`, async t => {
    const { schema, sqlOf, state } = open(t)
    const before = state()
    await change(schema)
    t.match(sqlOf('parents'), expected)
    t.strictSame(except(state(), 'parents'), except(before, 'parents'))
    for (const kept of [
      'AUTOINCREMENT',
      'COLLATE NOCASE',
      "DEFAULT 'a;b'",
      'CHECK (size > 0)',
      'GENERATED ALWAYS',
      'UNIQUE (name, size)',
    ]) {
      t.ok(sqlOf('parents').includes(kept), `keeps ${kept}`)
    }
  })
}

t.test('NOT NULL can be taken away again, also without naming the type', async t => {
  const { schema, sqlOf } = open(t)
  await schema.changeColumn('parents', 'spare', { allowNull: false, type: 'text' })
  // @ts-expect-error Sequelize's types want a type, its documentation does not
  await schema.changeColumn({ tableName: 'parents' }, 'spare', { allowNull: true })
  t.match(sqlOf('parents'), /spare TEXT,/)
})

t.test('a renamed column is renamed in index, trigger, view and foreign key too', async t => {
  const { connection, schema, sqlOf } = open(t)
  await schema.renameColumn('parents', 'size', 'weight')
  for (const name of ['parents', 'partial', 'big']) t.match(sqlOf(name), /weight/)
  await schema.renameColumn('parents', 'id', 'number')
  t.match(sqlOf('odd "children'), /REFERENCES parents \("?number"?\)/)
  t.equal(connection.prepare('SELECT count(*) FROM "odd ""children"').pluck().get(), 2)
})

t.test('a unique constraint is a unique index, and can be removed again', async t => {
  const { schema, sqlOf } = open(t)
  await schema.addConstraint('parents', { type: 'unique', name: 'one_spare', fields: ['spare', 'name'] })
  t.equal(sqlOf('one_spare'), 'CREATE UNIQUE INDEX "one_spare" ON "parents" ("spare", "name")')
  await schema.removeConstraint('parents', 'one_spare')
  t.equal(sqlOf('one_spare'), 'undefined')
})

t.test('a CHECK of its own SQL can be removed by name', async t => {
  const { schema, sqlOf } = open(t)
  await schema.sequelize.query('ALTER TABLE parents ADD CONSTRAINT small CHECK (size < 100)')
  t.match(sqlOf('parents'), /small/)
  await schema.removeConstraint('parents', 'small')
  t.notMatch(sqlOf('parents'), /small/)
})

t.test('a CHECK can be added, is kept to, and can be removed by name', async t => {
  const { connection, schema, sqlOf } = open(t)
  const where = { size: { [Op.lt]: 100 } }
  await schema.addConstraint('parents', { type: 'check', name: 'small', fields: ['size'], where })
  t.throws(() => connection.exec('UPDATE parents SET size = 100'), { code: 'SQLITE_CONSTRAINT_CHECK' })
  t.match(sqlOf('parents'), /AUTOINCREMENT.*small/s)
  t.match(where, { size: Object }, 'what was passed in is not changed')
  await schema.removeConstraint('parents', 'small')
  t.notMatch(sqlOf('parents'), /small/)
})

t.test('a foreign key can be added with its actions, and removed by name, and nothing else changes', async t => {
  const { connection, schema, sqlOf, state } = open(t)
  const before = state()
  const references = { table: 'parents', field: 'id' }
  await schema.addConstraint('log', {
    type: 'foreign key',
    fields: ['x'],
    references,
    onDelete: 'cascade',
    onUpdate: 'no action',
  })
  const [key] = connection.prepare("SELECT * FROM pragma_foreign_key_list('log')").all()
  t.match(key, { table: 'parents', from: 'x', to: 'id', on_delete: 'CASCADE', on_update: 'NO ACTION' })
  t.strictSame(except(state(), 'log'), except(before, 'log'))
  await schema.removeConstraint('log', 'log_x_parents_fk')
  t.notMatch(sqlOf('log'), /REFERENCES/)
})

t.test('a unique constraint without a name gets one', async t => {
  const { schema, sqlOf } = open(t)
  await schema.addConstraint('parents', { type: 'unique', fields: ['spare'] })
  t.match(sqlOf('parents_spare_uk'), /UNIQUE/)
})

t.test('rows that break a new rule stop it, and nothing is lost', async t => {
  const { schema, state } = open(t)
  await schema.bulkInsert('parents', [{ name: 'two', size: 2, spare: null }])
  const before = state()
  await t.rejects(schema.changeColumn('parents', 'spare', { type: DataTypes.TEXT, allowNull: false }))
  t.strictSame(state(), before)
})

for (const [title, change] of [
  ['removeColumn of one that an index uses', (schema: QueryInterface) => schema.removeColumn('parents', 'size')],
  ['removeColumn of a primary key', (schema: QueryInterface) => schema.removeColumn('parents', 'id')],
  ['removeColumn of one that is not there', (schema: QueryInterface) => schema.removeColumn('parents', 'nothing')],
  ['renameColumn to a name that is taken', (schema: QueryInterface) => schema.renameColumn('parents', 'name', 'size')],
  [
    'addConstraint of a CHECK that a row breaks',
    (schema: QueryInterface) =>
      schema.addConstraint('parents', { type: 'check', fields: ['size'], where: { size: { [Op.gt]: 5 } } }),
  ],
  [
    'addConstraint of a primary key',
    (schema: QueryInterface) => schema.addConstraint('parents', { type: 'primary key', name: 'x', fields: ['size'] }),
  ],
  [
    'removeConstraint of one that is not there',
    (schema: QueryInterface) => schema.removeConstraint('parents', 'nothing'),
  ],
] as const) {
  t.test(`${title} is refused, and nothing is changed`, async t => {
    const { schema, state } = open(t)
    const before = state()
    await t.rejects(change(schema))
    t.strictSame(state(), before)
  })
}

t.test('the interface that Sequelize itself gives out is safe too', async t => {
  const { schema } = open(t)
  t.equal(schema.sequelize.getQueryInterface(), schema)
})

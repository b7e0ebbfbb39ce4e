/** What a migration gets: Sequelize's QueryInterface, where it loses something by itself. */
import { DataTypes } from 'sequelize'
import t, { type Test } from 'tap'
import { runPlain, type SchemaEditor } from '../../src/engine.ts'
import { makePostgres } from '../help/engine-postgres.ts'
import { sharedServer } from '../help/postgres.ts'

const server = await sharedServer()

const undone = new Error('what failed is undone')

type Rows = readonly Readonly<Record<string, unknown>>[]
type Given = Readonly<{ editor: SchemaEditor; query: (sql: string) => Promise<Rows>; progress: unknown[] }>

/** A rule of the editor, in a transaction of a database of its own, whose tables are in a schema of their own. */
const rule = (title: string, work: (t: Test, given: Given) => Promise<void>, endsWell = true): void =>
  void t.test(title, async t => {
    const url = await server.makeDatabase()
    await server.run(url, 'CREATE SCHEMA hub')
    const session = await (await makePostgres(`${url}&schema=hub`)).open()
    t.teardown(() => session.close())
    const done = session.transaction(async transaction => {
      const progress: unknown[] = []
      const editor = await transaction.editor(runPlain, (...told) => progress.push(told))
      const query = async (sql: string) => (await editor.sequelize.query(sql))[0] as Rows
      await query("CREATE TABLE a (id bigint PRIMARY KEY, x varchar(10) NOT NULL DEFAULT 'no', y integer)")
      await query("INSERT INTO a (id, x) SELECT n, 'x' || n FROM generate_series(1, 25) AS n")
      await work(t, { editor, query, progress })
      if (endsWell) await transaction.refuseUnfinished()
      else throw undone
    })
    await done.catch(error => (error === undone ? undefined : Promise.reject(error)))
  })

const x = 'SELECT format_type(atttypid, atttypmod) AS type, attnotnull AS required, atthasdef AS has FROM pg_attribute'
const ofX = `${x} WHERE attrelid = 'hub.a'::regclass AND attname = 'x'`

rule(
  'a text of several statements is run one after the other, up to the first that fails',
  async (t, { editor, query }) => {
    await editor.runSql(`-- a function; with a body
    CREATE FUNCTION twice(n bigint) RETURNS bigint LANGUAGE plpgsql AS $body$ BEGIN RETURN n * 2; END; $body$;
    UPDATE a SET x = 'a;b', y = twice(id) WHERE id = 1; /* ; */ ;`)
    t.strictSame(await query('SELECT x, y FROM a WHERE id = 1'), [{ x: 'a;b', y: 2 }])
    await query('SAVEPOINT before')
    const failing = editor.runSql("UPDATE a SET y = 0;\n\n  SELEC 1;\nUPDATE a SET x = ''", '/m/0002-b.postgres.sql')
    t.match(await failing.catch((reason: unknown) => reason), {
      stack: /^[^\n]*syntax error[^\n]*\n {4}at \/m\/0002-b\.postgres\.sql:3:3\n/,
    })
    await query('ROLLBACK TO before')
  },
)

rule('a changed type keeps NOT NULL and the default', async (t, { editor, query }) => {
  await editor.changeColumn('a', 'x', DataTypes.TEXT)
  t.strictSame(await query(ofX), [{ type: 'text', required: true, has: true }])
  await editor.changeColumn('a', 'x', { type: DataTypes.STRING(99) })
  t.strictSame(await query(ofX), [{ type: 'character varying(99)', required: true, has: true }])
})

rule('what is asked of a column beside its type is done', async (t, { editor, query }) => {
  await editor.changeColumn('a', 'x', { type: DataTypes.TEXT, allowNull: true, defaultValue: null })
  t.match(await query(ofX), [{ type: 'text', required: false }])
  await editor.changeColumn('a', 'x', { type: DataTypes.TEXT, allowNull: false, defaultValue: 'yes' })
  await editor.changeColumn('a', 'x', { type: DataTypes.TEXT, unique: true })
  t.strictSame(await query(ofX), [{ type: 'text', required: true, has: true }])
  t.equal((await query("SELECT FROM pg_constraint WHERE conrelid = 'hub.a'::regclass AND contype = 'u'")).length, 1)
})

rule('a table that is there already is an error, and so is one that is missing', async (t, { editor }) => {
  await t.rejects(editor.createTable('a', { z: DataTypes.TEXT }), { message: /already exists/ })
  await t.rejects(editor.dropTable('b'), { message: /there is no table "hub"\."b"/ })
  await t.resolves(editor.dropTable('b', { force: true } as object))
  await t.rejects(editor.addColumn('b', 'z', DataTypes.TEXT), { message: /there is no table/ })
  await t.rejects(editor.removeIndex('a', 'nowhere'), { message: /there is no index/ })
  await t.rejects(editor.describeTable('b'), { message: /there is no table/ })
})

rule('what another table needs is not dropped along with a table', async (t, { editor, query }) => {
  await query('CREATE TABLE c (a bigint REFERENCES a (id))')
  await query('SAVEPOINT s')
  await t.rejects(editor.dropTable('a', { force: true } as object), { message: /other objects depend on it/ })
  await query('ROLLBACK TO s')
  await editor.dropTable('a', { cascade: true } as object)
  t.strictSame(await query("SELECT FROM pg_constraint WHERE contype = 'f'"), [], 'but where that is asked for')
})

rule('columns come and go in the schema that is meant', async (t, { editor, query }) => {
  await query('CREATE TABLE public.a (id integer)')
  await editor.addColumn('a', 'note', { type: DataTypes.TEXT, allowNull: false, defaultValue: '' })
  await editor.renameColumn('a', 'y', 'why')
  t.strictSame(Object.keys(await editor.describeTable('a')), ['id', 'x', 'why', 'note'])
  await editor.removeColumn('a', 'note')
  t.equal(await editor.tableExists('a'), true)
  await editor.dropTable('a')
  t.equal(await editor.tableExists('a'), false)
  t.equal((await query("SELECT FROM pg_attribute WHERE attrelid = 'public.a'::regclass AND attnum > 0")).length, 1)
  t.strictSame(await editor.showAllTables(), [])
})

rule('a type of an ENUM column goes with it, and with its table', async (t, { editor, query }) => {
  const types = () => query("SELECT typname AS name FROM pg_type WHERE typtype = 'e' ORDER BY 1")
  await editor.createTable('e', { kind: DataTypes.ENUM('a', 'b'), id: { type: DataTypes.INTEGER, primaryKey: true } })
  await editor.addColumn('e', 'more', DataTypes.ENUM('c', 'd'))
  t.strictSame(await types(), [{ name: 'enum_e_kind' }, { name: 'enum_e_more' }])
  await query("INSERT INTO e (id, kind, more) VALUES (1, 'a', 'd')")
  await editor.removeColumn('e', 'more')
  t.strictSame(await types(), [{ name: 'enum_e_kind' }])
  await query('CREATE TABLE f (kind enum_e_kind)')
  await editor.dropTable('e')
  t.strictSame(await types(), [{ name: 'enum_e_kind' }], 'another table has it')
})

rule('comments that Sequelize puts into the same text are made', async (t, { editor, query }) => {
  await editor.createTable('g', { x: { type: DataTypes.TEXT, comment: 'what; it is' } }, {
    comment: "a table's",
  } as object)
  t.strictSame(
    await query("SELECT obj_description('hub.g'::regclass) AS t, col_description('hub.g'::regclass, 1) AS c"),
    [{ t: "a table's", c: 'what; it is' }],
  )
})

rule('indexes and constraints are made and removed', async (t, { editor, query }) => {
  await editor.addIndex('a', ['y', 'x'], { name: 'i' })
  await editor.addIndex('a', ['y'])
  t.strictSame(
    (await query("SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'hub' ORDER BY 1")).map(
      ({ name }) => name,
    ),
    ['a_pkey', 'a_y', 'i'],
  )
  await editor.removeIndex('a', ['y'])
  await editor.removeIndex('a', 'i')
  await editor.addConstraint('a', { fields: ['x'], type: 'unique', name: 'once' })
  await editor.removeConstraint('a', 'once')
  await t.rejects(editor.addIndex('a', ['y'], { concurrently: true }), { message: /outside of a transaction/ })
})

const keys =
  "SELECT conname AS name, pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE contype = 'f' ORDER BY 1"

rule(
  'a foreign key gets another action under the name that it has, and no second one',
  async (t, { editor, query }) => {
    await query(
      'CREATE TABLE b (a_id bigint NOT NULL CONSTRAINT mine REFERENCES a DEFERRABLE INITIALLY DEFERRED, n integer)',
    )
    await query('INSERT INTO b (a_id) VALUES (1)')
    const references = { model: 'a', key: 'id' }
    await editor.changeColumn('b', 'a_id', { type: DataTypes.BIGINT, references, onDelete: 'CASCADE' })
    await editor.changeColumn('b', 'a_id', { onUpdate: 'set null' } as never)
    const text =
      'FOREIGN KEY (a_id) REFERENCES a(id) ON UPDATE SET NULL ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED'
    t.strictSame(await query(keys), [{ name: 'mine', text }])
    t.equal(
      (await query("SELECT FROM pg_attribute WHERE attrelid = 'b'::regclass AND attname = 'a_id' AND attnotnull"))
        .length,
      1,
    )
    const elsewhere = { type: DataTypes.BIGINT, references: { model: 'b', key: 'n' } }
    await t.rejects(editor.changeColumn('b', 'a_id', elsewhere), {
      message: /use removeConstraint\(table, 'mine'\) first/,
    })
    await t.rejects(editor.changeColumn('b', 'n', { onDelete: 'CASCADE' } as never), { message: /has no foreign key/ })
    await editor.changeColumn('b', 'n', { type: DataTypes.INTEGER, references, onDelete: 'SET NULL' })
    t.equal((await query(keys)).length, 2)
  },
)

rule(
  'a foreign key that has these actions stays as it is, and keeps MATCH FULL with others',
  async (t, { editor, query }) => {
    await query('CREATE TABLE b (a_id bigint CONSTRAINT mine REFERENCES a MATCH FULL ON DELETE CASCADE)')
    const key = "SELECT oid::int8 AS oid, pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conname = 'mine'"
    const before = await query(key)
    await editor.changeColumn('b', 'a_id', { references: { model: 'a' }, onDelete: 'CASCADE' } as never)
    t.strictSame(await query(key), before)
    await editor.changeColumn('b', 'a_id', { onDelete: 'SET NULL' } as never)
    t.match(await query(key), [{ text: 'FOREIGN KEY (a_id) REFERENCES a(id) MATCH FULL ON DELETE SET NULL' }])
  },
)

rule('constraints are removed by their columns', async (t, { editor, query }) => {
  await query('CREATE TABLE b (a_id bigint REFERENCES a, x text UNIQUE, y text, CHECK (y <> x), UNIQUE (y, x))')
  await editor.removeConstraint('b', { type: 'unique', fields: ['x', 'y'] })
  await editor.removeConstraint('b', { type: 'foreign key', fields: ['a_id'], references: { table: 'a' } })
  await editor.removeConstraint('b', { type: 'check', fields: ['x', 'y'] })
  const left =
    "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conrelid = 'b'::regclass AND contype <> 'n'"
  t.strictSame(await query(left), [{ text: 'UNIQUE (x)' }])
  const message = /no unique of y; there is b_x_key UNIQUE \(x\); a unique index is removed by removeIndex/
  await t.rejects(editor.removeConstraint('b', { type: 'unique', fields: ['y'] }), { message })
  await t.rejects(editor.removeConstraint('b', { type: 'primary key', fields: ['y'] }), { message: /goes by its name/ })
  await editor.removeConstraint('b', { type: 'unique', fields: ['x'] })
  await t.rejects(editor.removeConstraint('b', { type: 'check', fields: ['y'] }), { message: /there is none$/ })
})

rule('a UNIQUE column is added', async (t, { editor, query }) => {
  await editor.addColumn('a', 'serial', { type: DataTypes.TEXT, unique: true })
  t.equal((await query("SELECT FROM pg_constraint WHERE conrelid = 'a'::regclass AND contype = 'u'")).length, 1)
})

rule('a text with NUL is refused, wherever it comes from', async (t, { editor, query }) => {
  const nul = 'a\0b'
  const refused = { message: /NUL/ }
  await t.rejects(editor.bulkInsert('a', [{ id: 99, x: nul }]), refused)
  await t.rejects(editor.sequelize.query('SELECT :v', { replacements: { v: nul } }), refused)
  await t.rejects(editor.sequelize.query('SELECT $1', { bind: [nul] }), refused)
  await t.rejects(editor.sequelize.query({ query: 'SELECT ?', values: [nul] }), refused)
  t.match(await editor.sequelize.query({ query: 'SELECT ? AS v', values: ['a'] }), [[{ v: 'a' }]])
  await t.rejects(editor.bulkUpdate('a', { x: nul }, { id: 1 }), refused)
  await t.rejects(editor.bulkDelete('a', { x: nul }), refused)
  t.strictSame(await query('SELECT count(*) AS n FROM a'), [{ n: 25 }])
})

rule('values are read as on SQLite: whole numbers where they are exact, else their digits', async (t, { query }) => {
  t.strictSame(await query('SELECT 9007199254740991::int8 AS a, 9007199254740992::int8 AS b, NULL::int8 AS c'), [
    { a: 9007199254740991, b: '9007199254740992', c: null },
  ])
})

rule('rebuildTable is refused with what to do instead', async (t, { editor }) => {
  await t.rejects(editor.rebuildTable('a', 'CREATE TABLE a (x)'), { message: /changeColumn, addConstraint/ })
})

rule('a backfill goes by the key, batch by batch, and says how far it is', async (t, { editor, query, progress }) => {
  await editor.backfill('UPDATE a SET y = 1 WHERE id BETWEEN $first AND $last', { table: 'a', batch: 10 })
  t.strictSame(await query('SELECT count(*) AS n FROM a WHERE y = 1'), [{ n: 25 }])
  t.strictSame(progress, [
    ['a', 10, 25],
    ['a', 20, 25],
    ['a', 25, 25],
  ])
})

rule('a backfill whose statement deletes rows that are yet to come ends with the last one', async (t, given) => {
  const { editor, query, progress } = given
  await editor.backfill('DELETE FROM a WHERE id BETWEEN $first AND $last + 5::bigint', { table: 'a', batch: 10 })
  t.strictSame(await query('SELECT FROM a'), [])
  t.strictSame(progress, [
    ['a', 10, 25],
    ['a', 20, 25],
  ])
})

rule('a backfill goes by a key of texts too', async (t, { editor, query }) => {
  await query('CREATE TABLE s (name text PRIMARY KEY, y integer)')
  await query("INSERT INTO s SELECT 'n' || n FROM generate_series(1, 25) AS n")
  await editor.backfill('UPDATE s SET y = 1 WHERE name BETWEEN $first AND $last', { table: 's', batch: 7 })
  t.strictSame(await query('SELECT count(*) AS n FROM s WHERE y = 1'), [{ n: 25 }])
})

rule('a backfill that cannot go is refused', async (t, { editor, query }) => {
  await query('CREATE TABLE k (x integer)')
  const sql = 'UPDATE k SET x = 1 WHERE x BETWEEN $first AND $last'
  await t.rejects(editor.backfill(sql, { table: 'k' }), { message: /no primary key of one column/ })
  await t.rejects(editor.backfill(sql, { table: 'a', batch: 0 }), { message: /batches of 0 rows/ })
  await t.rejects(editor.backfill('UPDATE k SET x = 1', { table: 'a' }), { message: /BETWEEN \$first AND \$last/ })
})

rule(
  'a text of several statements is run one by one, whatever has semicolons of its own',
  async (t, { editor, query }) => {
    await editor.runSql(`
    -- a comment; with one
    CREATE TABLE s (x text DEFAULT ';'); /* another; */ INSERT INTO s VALUES ('a;b'), (E'c\\';d'), ($q$ e;f $q$);
    CREATE FUNCTION g() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 'x' END; SELECT 'y;'; END;
    CREATE FUNCTION h() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; PERFORM 2; END $$;
  `)
    t.strictSame(await query('SELECT g() AS g, count(*) AS n FROM s'), [{ g: 'y;', n: 3 }])
  },
)

rule(
  'of a text that fails the place is told',
  async (t, { editor }) => {
    const failing = editor.runSql('SELECT 1;\n\n  SELECT nonsense;', '/m/0001-a.sql')
    const error = await failing.catch(error => error)
    t.match(error.stack, /at \/m\/0001-a\.sql:3:3\n/)
  },
  false,
)

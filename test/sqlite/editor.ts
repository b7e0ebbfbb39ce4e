import Database from 'better-sqlite3'
import { DataTypes, Deferrable, Op, type QueryInterface, Sequelize } from 'sequelize'
import t, { type Test } from 'tap'
import { runPlain, type SchemaEditor } from '../../src/engine.ts'
import { createHandle } from '../../src/sqlite/bridge/handle.ts'
import { connectHandle } from '../../src/sqlite/bridge/sequelize.ts'
import { makeSafe } from '../../src/sqlite/editor/editor.ts'

const open = (t: Pick<Test, 'teardown'>, sql: string, adopted = false) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.pragma('foreign_keys = OFF')
  connection.exec(sql)
  connection.exec('BEGIN')
  const editor = makeSafe(connection, connectHandle(createHandle(connection), runPlain).getQueryInterface(), {
    onProgress: () => undefined,
    isAdopted: () => adopted,
  })
  const state = () => connection.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name').all()
  const all = (query: string) => connection.prepare(query).raw().all()
  return { connection, editor, state, all }
}
/** More than Sequelize's types let through, as it does itself. */
const loose = (wanted: unknown): never => wanted as never
type Call = (editor: QueryInterface) => Promise<unknown>

const servers = `CREATE TABLE Servers (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'x', port INT, rack_id INT REFERENCES racks (id) ON DELETE CASCADE);
  CREATE TABLE racks (id INTEGER PRIMARY KEY); CREATE TABLE "archive.servers" (id INTEGER PRIMARY KEY, name TEXT);
  CREATE UNIQUE INDEX by_name ON Servers (name); CREATE VIEW seen AS SELECT 1 AS x;
  CREATE VIRTUAL TABLE search USING fts5 (x); CREATE TABLE "full" (id INTEGER PRIMARY KEY, u UNIQUE, i, v, k, n, FOREIGN KEY (k) REFERENCES racks);
  INSERT INTO "full" (id) VALUES (1), (2); CREATE INDEX by_i ON "full" (i, n); CREATE VIEW of_v AS SELECT v FROM "full";
  CREATE TEMP TABLE racks (y)`

for (const [title, call, query, expected] of [
  [
    'removeColumn, with the indexes that are of this column alone',
    editor => editor.removeColumn('servers', 'NAME'),
    "SELECT name FROM pragma_index_list('servers')",
    [],
  ],
  [
    'addIndexConcurrently, which is an ordinary index in the transaction',
    editor => (editor as SchemaEditor).addIndexConcurrently('servers', ['port'], { name: 'by_port' }),
    "SELECT name FROM pragma_index_list('servers') ORDER BY name",
    [['by_name'], ['by_port']],
  ],
  [
    'removeIndexConcurrently',
    editor => (editor as SchemaEditor).removeIndexConcurrently('servers', 'by_name'),
    "SELECT name FROM pragma_index_list('servers')",
    [],
  ],
  [
    'removeColumn',
    editor => editor.removeColumn('SERVERS', 'Port'),
    "SELECT name FROM pragma_table_xinfo('servers') WHERE cid = 2",
    [['rack_id']],
  ],
  [
    'changeColumn',
    editor => editor.changeColumn('servers', 'PORT', DataTypes.TEXT),
    "SELECT type FROM pragma_table_xinfo('servers') WHERE cid = 2",
    [['TEXT']],
  ],
  ['dropTable', editor => editor.dropTable('SERVERS'), "SELECT name FROM sqlite_schema WHERE name = 'Servers'", []],
  [
    'removeIndex',
    editor => editor.removeIndex('SERVERS', 'BY_NAME'),
    "SELECT name FROM sqlite_schema WHERE name = 'by_name'",
    [],
  ],
  [
    'removeConstraint',
    editor => editor.removeConstraint('SERVERS', 'By_Name'),
    "SELECT name FROM sqlite_schema WHERE name = 'by_name'",
    [],
  ],
] as readonly (readonly [string, Call, string, unknown[][]])[]) {
  t.test(`${title} finds names in any case`, async t => {
    const { all, editor } = open(t, servers)
    await call(editor)
    t.strictSame(all(query), expected)
  })
}

t.test('a table with a schema is the one that Sequelize calls so', async t => {
  const { all, editor } = open(t, servers)
  const table = { tableName: 'servers', schema: 'archive' }
  await editor.renameColumn(table, 'name', 'label')
  await editor.addIndex(table, ['label'])
  await editor.addConstraint(table, { type: 'check', fields: ['label'], where: { label: { [Op.ne]: 'x' } } })
  await editor.changeColumn(table, 'label', { type: DataTypes.TEXT, allowNull: false })
  await editor.removeIndex(table, ['label'])
  await editor.removeConstraint(table, 'archive.servers_label_ck')
  t.match(all("SELECT sql FROM sqlite_schema WHERE tbl_name LIKE 'archive%'"), [
    [/^CREATE TABLE "archive.servers" \(id INTEGER PRIMARY KEY, "label" TEXT NOT NULL\)$/],
  ])
  await editor.dropTable({ ...table, delimiter: '.' })
  t.strictSame(all("SELECT name FROM sqlite_schema WHERE name LIKE '%servers'"), [['Servers']])
})

for (const [title, call, message] of [
  [
    'a schema beside the table',
    editor => editor.removeColumn('servers', 'name', { schema: 'archive' } as never),
    /\{ tableName: 'servers', schema: 'archive' \}/,
  ],
  ['a table that is not there', editor => editor.removeColumn('nothing', 'x'), /no table nothing$/],
  ['a view', editor => editor.changeColumn('seen', 'x', DataTypes.TEXT), /no table seen, but a view/],
  ['a virtual table', editor => editor.changeColumn('search', 'x', DataTypes.TEXT), /virtual/],
  ['a table that a temporary one hides', editor => editor.removeColumn('racks', 'id'), /temporary table hides racks/],
  ['dropTable of what is not there', editor => editor.dropTable('nothing'), /no table nothing/],
  ['removeIndex of what is not there', editor => editor.removeIndex('servers', ['port']), /no index servers_port/],
  [
    "removeIndex of another table's",
    editor => editor.removeIndex({ tableName: 'servers', schema: 'archive' }, 'by_name'),
    /is on Servers/,
  ],
  [
    'addIndex of one that is there in another form',
    editor => editor.addIndex('servers', ['port'], { name: 'BY_NAME' }),
    /UNIQUE \(name\), not Servers \(port\)/,
  ],
  [
    'createTable over another table',
    editor => editor.createTable('servers', { id: { type: DataTypes.INTEGER, primaryKey: true } }),
    /column servers.name extra/,
  ],
  ['createTable over a view', editor => editor.createTable('seen', { x: DataTypes.INTEGER }), /view of that name/],
  [
    'addConstraint without columns',
    editor => editor.addConstraint('servers', loose({ type: 'unique' })),
    /needs its columns/,
  ],
  [
    'addConstraint without anything',
    editor => editor.addConstraint('servers', loose(undefined)),
    /cannot make a constraint/,
  ],
  [
    'addConstraint on what is no column',
    editor => editor.addConstraint('servers', { type: 'unique', fields: ['nothing'] }),
    /no column nothing|has no column/,
  ],
  [
    'a foreign key that leads nowhere',
    editor => editor.addConstraint('servers', loose({ type: 'foreign key', fields: [{ attribute: 'port' }] })),
    /references object/,
  ],
  [
    'createTable over a table that lacks a column',
    editor =>
      editor.createTable('archive.servers', {
        id: { type: DataTypes.INTEGER, primaryKey: true },
        name: DataTypes.TEXT,
        more: DataTypes.TEXT,
      }),
    /TEXT is asked for, nothing is there/,
  ],
  [
    'a UNIQUE that is deferrable',
    editor =>
      editor.addConstraint('servers', {
        type: 'unique',
        fields: ['port'],
        deferrable: loose(Deferrable.INITIALLY_DEFERRED),
      }),
    /deferrable unique/,
  ],
  [
    'removeConstraint of what is not there',
    editor => editor.removeConstraint('servers', 'nothing'),
    /there is by_name/,
  ],
  [
    'removeConstraint where none has a name',
    editor => editor.removeConstraint({ tableName: 'servers', schema: 'archive' }, 'nothing'),
    /none with a name.*removeConstraint\('archive.servers', \{ type: 'unique'/,
  ],
  [
    'changeColumn of what it does not know',
    editor => editor.changeColumn('servers', 'port', loose({ collate: 'NOCASE' })),
    /collate/,
  ],
  [
    'changeColumn of a name',
    editor => editor.changeColumn('servers', 'port', loose({ type: 'INT', field: 'other' })),
    /renameColumn/,
  ],
  [
    'changeColumn to unique',
    editor => editor.changeColumn('servers', 'port', { type: 'INT', unique: true }),
    /addConstraint/,
  ],
  [
    'changeColumn to not unique',
    editor => editor.changeColumn('servers', 'name', { type: 'TEXT', unique: false }),
    /removeConstraint/,
  ],
  [
    'changeColumn to another key',
    editor => editor.changeColumn('servers', 'port', { type: 'INT', primaryKey: true, autoIncrement: true }),
    /primaryKey, autoIncrement/,
  ],
  [
    'changeColumn that turns a foreign key elsewhere',
    editor => editor.changeColumn('servers', 'rack_id', loose({ references: { model: 'servers' } })),
    /ON DELETE CASCADE.*: use removeConstraint\('Servers', \{ type: 'foreign key', fields: \['rack_id'\] \}\) first/,
  ],
  [
    'changeColumn that gives an action to no foreign key',
    editor => editor.changeColumn('servers', 'port', loose({ onDelete: 'CASCADE' })),
    /Servers.port, which has no foreign key, needs one.*references: /,
  ],
  [
    'removeConstraint by columns that have none',
    editor => editor.removeConstraint('servers', loose({ type: 'unique', fields: ['port'] })),
    /no unique of port; there is REFERENCES racks \(id\) ON DELETE CASCADE/,
  ],
  [
    'removeConstraint by columns of a table without any',
    editor =>
      editor.removeConstraint(
        { tableName: 'servers', schema: 'archive' },
        loose({ type: 'foreign key', fields: ['name'] }),
      ),
    /there is none in its CREATE TABLE/,
  ],
  ...[{ type: 'primary key', fields: ['id'] }, { type: 'unique' }, { type: 'unique', fields: [] }].map(
    (which): [string, Call, RegExp] => [
      `removeConstraint by ${JSON.stringify(which)}`,
      editor => editor.removeConstraint('servers', loose(which)),
      /takes a name, or columns as in removeConstraint\('Servers', \{ type: 'unique'/,
    ],
  ),
  [
    'a NOT NULL column without a default on a table with rows',
    editor => editor.addColumn('full', 'x', { type: 'TEXT', allowNull: false }),
    /add it without allowNull: false, fill it, and changeColumn\('full', 'x', \{ type, allowNull: false \}\)/,
  ],
  [
    'a column with a default that SQLite cannot fill in',
    editor => editor.addColumn('full', 'x', { type: 'TEXT', defaultValue: Sequelize.literal('CURRENT_TIMESTAMP') }),
    /non-constant.*changeColumn\('full', 'x', \{ type, defaultValue \}\)/,
  ],
  [
    'a primary key column',
    editor => editor.addColumn('full', 'x', { type: 'TEXT', primaryKey: true }),
    /context.rebuildTable\('full', createSql\)/,
  ],
  ['a column that is there', editor => editor.addColumn('full', 'ID', 'TEXT'), /duplicate column name: ID/],
  [
    'a UNIQUE column whose rows would be alike',
    editor => editor.addColumn('full', 'x', { type: 'TEXT', unique: true, defaultValue: 'a' }),
    /2 rows of full are alike in x, as in x = 'a'/,
  ],
  [
    'removal of a primary key',
    editor => editor.removeColumn('full', 'id'),
    /context.rebuildTable\('full', createSql\)/,
  ],
  [
    'removal of a UNIQUE column',
    editor => editor.removeColumn('full', 'u'),
    /use removeConstraint\('full', \{ type: 'unique', fields: \['u'\] \}\) first/,
  ],
  [
    'removal of a column of an index',
    editor => editor.removeColumn('full', 'i'),
    /use removeIndex\('full', 'by_i'\) first/,
  ],
  [
    'removal of a column of a view',
    editor => editor.removeColumn('full', 'v'),
    /use context.sequelize.query\('DROP view of_v'\) first/i,
  ],
  [
    'removal of a column of a foreign key',
    editor => editor.removeColumn('full', 'k'),
    /use removeConstraint\('full', \{ type, fields \}\) first/,
  ],
  [
    'rebuildTable that is told of no column of it',
    editor =>
      (editor as ReturnType<typeof makeSafe>).rebuildTable('servers', 'CREATE TABLE servers (id)', {
        copy: { nmae: null },
      }),
    /nmae/,
  ],
] as readonly (readonly [string, Call, RegExp])[]) {
  t.test(`${title} is refused with a sentence that helps, and nothing is changed`, async t => {
    const { editor, state } = open(t, servers)
    const before = state()
    await t.rejects(call(editor), { message })
    t.strictSame(state(), before)
  })
}

t.test('what is there as it is asked for is left alone', async t => {
  const { editor, state } = open(t, servers.replace(/; CREATE TEMP TABLE.*/, ''))
  const before = state()
  const { INTEGER, TEXT } = DataTypes
  const references = { model: 'racks', key: 'id' }
  await editor.createTable('servers', {
    id: { type: INTEGER, primaryKey: true },
    name: { type: TEXT, defaultValue: 'x' },
    port: INTEGER,
    rack_id: { type: INTEGER, references, onDelete: 'CASCADE' },
  })
  await editor.addIndex('servers', ['name'], { name: 'by_name', unique: true })
  await editor.addConstraint('servers', { type: 'unique', name: 'BY_NAME', fields: ['NAME'] })
  await editor.changeColumn('servers', 'id', {
    type: INTEGER,
    primaryKey: true,
    autoIncrement: false,
    allowNull: false,
  })
  await editor.changeColumn(
    'servers',
    'name',
    loose({ type: TEXT, defaultValue: 'x', unique: true, comment: 'so', field: 'name', allowNull: true, validate: {} }),
  )
  await editor.changeColumn('servers', 'port', loose({ defaultValue: null, references: undefined }))
  await editor.changeColumn('servers', 'port', { type: 'int', defaultValue: DataTypes.NOW })
  await editor.changeColumn('servers', 'rack_id', { type: 'INT', references, onDelete: 'cascade' })
  await editor.changeColumn('servers', 'rack_id', loose({ references }))
  await editor.dropTable('nothing', loose({ force: true }))
  t.strictSame(state(), before)
})

t.test('a constraint that is there under its name is left alone in the same form, and refused in another', async t => {
  const { editor, state } = open(t, servers.replace(/; CREATE TEMP TABLE.*/, ''))
  const check = (limit: number) =>
    editor.addConstraint('servers', { type: 'check', name: 'c', fields: ['port'], where: { port: { [Op.lt]: limit } } })
  const key = (onDelete: string) =>
    editor.addConstraint(
      'servers',
      loose({
        type: 'FOREIGN KEY',
        name: 'k',
        fields: [{ name: 'port' }],
        references: { table: 'racks', field: 'id' },
        onDelete,
        deferrable: Deferrable.INITIALLY_DEFERRED,
      }),
    )
  await check(9)
  await key('cascade')
  const before = state()
  t.match(JSON.stringify(before), /ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED/)
  await check(9)
  await t.rejects(check(10), { message: /a different definition/ })
  await t.rejects(key('set null'), { message: /a different definition/ })
  t.strictSame(state(), before)
})

t.test('a foreign key that a column lacks is added by changeColumn', async t => {
  const { all, editor } = open(t, servers.replace(/; CREATE TEMP TABLE.*/, ''))
  await editor.changeColumn('servers', 'port', {
    type: 'INT',
    references: { model: 'racks', key: 'id' },
    onUpdate: 'cascade',
  })
  await editor.changeColumn('archive.servers', 'name', loose({ references: { model: 'racks' }, onDelete: 'set null' }))
  t.strictSame(
    all(`SELECT "table", "to", on_update, on_delete FROM pragma_foreign_key_list('servers') WHERE "from" = 'port'`),
    [['racks', 'id', 'CASCADE', 'NO ACTION']],
  )
  t.strictSame(all(`SELECT "to", on_delete FROM pragma_foreign_key_list('archive.servers')`), [['id', 'SET NULL']])
})

t.test('constraints without a name are found under the names that other versions gave them', async t => {
  const { editor, state } = open(
    t,
    `CREATE TABLE racks (id INTEGER PRIMARY KEY); CREATE TABLE a (x INT, CONSTRAINT a_x_foreign_key FOREIGN KEY (x) REFERENCES racks,
    CONSTRAINT a_x_check CHECK (x > 0)); CREATE UNIQUE INDEX a_x_unique ON a (x)`,
  )
  for (const name of ['a_x_uk', 'a_x_racks_fk', 'a_x_ck']) await editor.removeConstraint('a', name)
  t.match(state(), [{ sql: 'CREATE TABLE a (x INT)' }, { name: 'racks' }])
})

t.test('a foreign key gets other actions where it stands, and keeps all else', async t => {
  const { all, editor, state } = open(
    t,
    `CREATE TABLE racks (id INTEGER PRIMARY KEY); CREATE TABLE "no action" (id INTEGER PRIMARY KEY, x UNIQUE);
    CREATE TABLE a (id INTEGER PRIMARY KEY, r INT CONSTRAINT k REFERENCES racks (id) ON DELETE SET NULL /* why */ ON UPDATE NO ACTION MATCH FULL UNIQUE
    DEFERRABLE INITIALLY DEFERRED, "on" INT, "delete" INT CHECK (r > 0), FOREIGN KEY ("on") REFERENCES "no action" (x) on delete cascade);
    INSERT INTO racks VALUES (1); INSERT INTO a VALUES (7, 1, NULL, 3)`,
  )
  const references = { model: 'racks', key: 'id' }
  await editor.changeColumn('a', 'R', { type: 'INT', references, onDelete: 'cascade', onUpdate: 'RESTRICT' })
  await editor.changeColumn('a', 'on', loose({ onDelete: 'no action' }))
  const text = all("SELECT sql FROM sqlite_schema WHERE name = 'a'").join()
  t.match(text, /CONSTRAINT k REFERENCES racks \(id\) MATCH FULL ON DELETE CASCADE ON UPDATE RESTRICT UNIQUE/)
  t.match(text, /\("on"\) REFERENCES "no action" \(x\) ON DELETE NO ACTION\)$/)
  t.match(text, /DEFERRABLE INITIALLY DEFERRED.*CHECK \(r > 0\)/s)
  t.strictSame(all('SELECT * FROM a'), [[7, 1, null, 3]])
  const changed = state()
  await editor.changeColumn('a', 'r', loose({ onDelete: 'CASCADE', onUpdate: 'restrict' }))
  t.strictSame(state(), changed)
})

t.test('constraints without a name are removed by their columns, and all else stays', async t => {
  const { all, editor } = open(
    t,
    `CREATE TABLE racks (id INTEGER PRIMARY KEY, n INT UNIQUE); CREATE TABLE a (id INTEGER PRIMARY KEY,
    x INT UNIQUE REFERENCES racks NOT NULL DEFERRABLE INITIALLY DEFERRED CHECK (x > 0), y INT CHECK (x < y) REFERENCES racks (id),
    UNIQUE (y, x) CHECK (y > 5), FOREIGN KEY (x, y) REFERENCES racks (id, n), FOREIGN KEY (y) REFERENCES racks (n));
    CREATE UNIQUE INDEX once ON a (x); CREATE UNIQUE INDEX some ON a (x) WHERE y > 7; INSERT INTO racks VALUES (1, 6); INSERT INTO a VALUES (3, 1, 6)`,
  )
  const remove = (type: string, fields: readonly string[], rest = {}) =>
    editor.removeConstraint('A', { type, fields, ...rest })
  await remove('unique', ['X', 'y'])
  await remove('unique', ['x'])
  await remove('foreign key', ['x'])
  await remove('FOREIGN KEY', ['y'], { references: { table: 'RACKS' } })
  await remove('check', ['y', 'x'])
  await remove('check', ['y'])
  const [[text]] = all("SELECT sql FROM sqlite_schema WHERE name = 'a'") as [[string]]
  const flat = text.replace(/\s+/g, ' ').replace(/ (?=[,)])/g, '')
  t.equal(
    flat,
    'CREATE TABLE "a" (id INTEGER PRIMARY KEY, x INT NOT NULL CHECK (x > 0), y INT, FOREIGN KEY (x, y) REFERENCES racks (id, n))',
  )
  t.strictSame(all("SELECT name FROM sqlite_schema WHERE name IN ('once', 'some')"), [['some']])
  t.strictSame(all('SELECT * FROM a'), [[3, 1, 6]])
})

t.test('a UNIQUE column is added with its index, under the name that is asked for', async t => {
  const { all, editor } = open(t, data)
  const { TEXT } = DataTypes
  await editor.addColumn('a', 'serial', { type: TEXT, unique: true })
  await editor.addColumn('a', 'mac', { type: TEXT, unique: 'one_mac' })
  await editor.addColumn('a', 'ip', loose({ type: TEXT, unique: { name: 'one_ip' } }))
  await editor.addColumn('a', 'os', { type: TEXT, unique: false })
  await editor.addColumn('a', 'arch', TEXT)
  t.strictSame(all("SELECT name, sql LIKE 'CREATE UNIQUE %' FROM sqlite_schema WHERE type = 'index' ORDER BY 1"), [
    ['a_serial_uk', 1],
    ['one_ip', 1],
    ['one_mac', 1],
  ])
})

t.test('a UNIQUE with a name is removed from CREATE TABLE, a primary key is not', async t => {
  const { editor, state } = open(
    t,
    'CREATE TABLE a (x INT CONSTRAINT u UNIQUE, y, CONSTRAINT v UNIQUE (x, y), CONSTRAINT w PRIMARY KEY (y) CONSTRAINT z UNIQUE (y, x))',
  )
  for (const name of ['u', 'V', 'z']) await editor.removeConstraint('a', name)
  t.match(state(), [{ sql: /^CREATE TABLE "a" \(x INT ?, y, CONSTRAINT w PRIMARY KEY \(y\) ?\)$/ }, {}])
  await t.rejects(editor.removeConstraint('a', 'w'), { message: /rebuildTable/ })
})

const data = `CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, n INT); INSERT INTO a VALUES (1, 'x', 1), (2, NULL, 7), (3, 'x', 9), (4, 'y', 5)`
for (const [title, call, message] of [
  [
    'NOT NULL',
    editor => editor.changeColumn('a', 'name', { type: 'TEXT', allowNull: false }),
    'changeColumn cannot make it NOT NULL: a.name is NULL in 1 row; fill those before',
  ],
  [
    'a CHECK',
    editor => editor.addConstraint('a', { type: 'check', name: 'c', fields: ['n'], where: { n: { [Op.lt]: 6 } } }),
    'addConstraint c: 2 rows of a break CHECK (`n` < 6), as in n = 7',
  ],
  [
    'a unique constraint',
    editor => editor.addConstraint('a', { type: 'unique', fields: ['name'] }),
    "the index a_name_uk cannot be made unique: 2 rows of a are alike in name, as in name = 'x'",
  ],
  [
    'a unique index',
    editor => editor.addIndex('a', ['name'], { unique: true }),
    "the index a_name cannot be made unique: 2 rows of a are alike in name, as in name = 'x'",
  ],
  [
    'NOT NULL by a rebuild',
    editor =>
      (editor as ReturnType<typeof makeSafe>).rebuildTable(
        'a',
        'CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT NOT NULL, n INT)',
      ),
    'a.name is NULL in 1 row',
  ],
  [
    'UNIQUE by a rebuild',
    editor =>
      (editor as ReturnType<typeof makeSafe>).rebuildTable(
        'a',
        'CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT UNIQUE, n INT)',
      ),
    "2 rows of a are alike in name, as in name = 'x'",
  ],
  [
    'CHECK by a rebuild',
    editor =>
      (editor as ReturnType<typeof makeSafe>).rebuildTable(
        'a',
        'CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, n INT CHECK (a.n < 9))',
      ),
    '1 row of a breaks CHECK (n < 9), as in n = 9',
  ],
  [
    'a CHECK with a name by a rebuild',
    editor =>
      (editor as ReturnType<typeof makeSafe>).rebuildTable(
        'a',
        'CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, n INT, CONSTRAINT c CHECK (1 = 0))',
      ),
    '4 rows of a break CHECK (1 = 0)',
  ],
] as readonly (readonly [string, Call, string])[]) {
  t.test(
    `rows that break ${title} are told with their table, column, value and number, and nothing is left of it`,
    async t => {
      const { editor, state } = open(t, data)
      const before = state()
      await t.rejects(call(editor), { message })
      t.strictSame(state(), before)
    },
  )
}

t.test('a new column that must have a value and gets none is told as SQLite tells it', async t => {
  const { editor } = open(t, data)
  const rebuilt = editor.rebuildTable('a', 'CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, n INT, more NOT NULL)')
  await t.rejects(rebuilt, { message: /Validation error|NOT NULL constraint failed/ })
})

t.test('an expression that makes one row of several is refused', async t => {
  const { editor, state } = open(t, data)
  const before = state()
  const rebuilt = editor.rebuildTable('a', 'CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, n INT)', {
    copy: { n: 'max(n)' },
  })
  await t.rejects(rebuilt, { message: 'rebuildTable of a would make 1 rows of 4' })
  t.strictSame(state(), before)
})

t.test('a type that would change values is refused with their number, also in a STRICT table', async t => {
  const { editor } = open(
    t,
    "CREATE TABLE a (x TEXT); INSERT INTO a VALUES ('007'), ('08'), ('9'); CREATE TABLE b (x ANY) STRICT; INSERT INTO b VALUES ('5')",
  )
  await t.rejects(editor.changeColumn('a', 'x', DataTypes.INTEGER), {
    message: /would make '007' in a.x 7, and change 1 more: /,
  })
  await editor.changeColumn('b', 'x', 'TEXT')
})

t.test('what cannot be copied for another reason is told as SQLite tells it', async t => {
  const { editor, state } = open(t, data)
  const before = state()
  await t.rejects(
    editor.rebuildTable('a', 'CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, n INT)', {
      copy: { n: 'absent(n)' },
    }),
    { parent: { message: /no such function/ } } as never,
  )
  t.strictSame(state(), before)
})

t.test('calls that are not waited for one by one take turns', async t => {
  const { all, editor } = open(t, data)
  await Promise.all([
    editor.changeColumn('a', 'n', DataTypes.TEXT),
    editor.changeColumn('a', 'name', { type: 'TEXT', defaultValue: 'z' }),
  ])
  t.strictSame(all("SELECT type, dflt_value FROM pragma_table_xinfo('a') WHERE cid > 0"), [
    ['TEXT', "'z'"],
    ['TEXT', null],
  ])
})

t.test('a table that another tool made may be stricter where the database was adopted', async t => {
  const sql = 'CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT NOT NULL)'
  const create: Call = editor =>
    editor.createTable('a', {
      id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
      name: DataTypes.TEXT,
    })
  await create(open(t, sql, true).editor)
  await t.rejects(create(open(t, sql).editor), { message: /AUTOINCREMENT/ })
})

t.test('sync({ alter: true }) changes what is other, and leaves alone what is not', async t => {
  const { editor, state } = open(
    t,
    `CREATE TABLE "things" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "name" VARCHAR(255) NOT NULL DEFAULT 'a', "state" TEXT, gone TEXT);
    INSERT INTO things (name, gone) VALUES ('b', 'c')`,
  )
  const define = (name: object) =>
    editor.sequelize.define(
      'thing',
      {
        id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        name: { type: DataTypes.STRING, allowNull: false, comment: 'its name', validate: { notEmpty: true }, ...name },
        state: { type: DataTypes.ENUM('on', 'off') },
      },
      { tableName: 'things', timestamps: false },
    )
  await define({ defaultValue: 'a' }).sync({ alter: true })
  const altered = state()
  await define({ defaultValue: 'a' }).sync({ alter: true })
  t.strictSame(state(), altered)
  await define({ defaultValue: 'z' }).sync({ alter: true })
  t.match(JSON.stringify(state()), /AUTOINCREMENT.*VARCHAR\(255\) NOT NULL +DEFAULT 'z'/)
  t.notMatch(JSON.stringify(state()), /gone/)
  await define({}).sync({ force: true })
})

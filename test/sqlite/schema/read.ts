import Database from 'better-sqlite3'
import t from 'tap'
import {
  affinityOf,
  readAppSchema,
  readIndexes,
  readSchema,
  readViews,
  type Table,
} from '../../../src/sqlite/schema/read.ts'
import { prepareHistory } from '../../../src/sqlite/write-history.ts'

/** The examples of SQLite's own table (https://www.sqlite.org/datatype3.html#affinity_name_examples), and what surprises. */
const types =
  `INT INTEGER TINYINT SMALLINT MEDIUMINT BIGINT UNSIGNED_BIG_INT INT2 INT8 CHARACTER(20) VARCHAR(255) VARYING_CHARACTER(255)
  NCHAR(55) NATIVE_CHARACTER(70) NVARCHAR(100) TEXT CLOB BLOB REAL DOUBLE DOUBLE_PRECISION FLOAT NUMERIC DECIMAL(10,5) BOOLEAN
  DATE DATETIME TIMESTAMP CHARINT FLOATING_POINT STRING JSON varchar`
    .split(/\s+/)
    .map(type => type.replaceAll('_', ' '))

/** How a text of digits is stored tells the affinity, save INTEGER from NUMERIC, which differ in a CAST alone. */
const stored = (connection: Database.Database, type: string): unknown => {
  connection.exec(`DROP TABLE IF EXISTS a; CREATE TABLE a (x ${type}); INSERT INTO a VALUES ('500.0')`)
  return connection
    .prepare(`SELECT typeof(x) || ' ' || typeof(CAST('1e99' AS ${type || 'BLOB'})) FROM a`)
    .pluck()
    .get()
}
const meaning = {
  INTEGER: 'integer integer',
  TEXT: 'text text',
  BLOB: 'text blob',
  REAL: 'real real',
  NUMERIC: 'integer real',
}

t.test('each type is what SQLite makes of it', async t => {
  const connection = new Database(':memory:')
  for (const type of [...types, '']) t.equal(stored(connection, type), meaning[affinityOf(type)], type)
  connection.close()
})

/** The columns of a table, read as they are in a structure: with its text and its indexes. */
const columnsOf = (definition: string) => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE a ${definition}`)
  const columns = readSchema(connection).tables.flatMap(table => table.columns)
  connection.close()
  return columns
}

t.test('a column that says nothing', async t => {
  t.strictSame(columnsOf('(x)'), [
    {
      name: 'x',
      type: '',
      affinity: 'BLOB',
      notNull: false,
      default: null,
      key: 0,
      rowidAlias: false,
      generated: null,
      collation: 'BINARY',
    },
  ])
})

t.test('types, NOT NULL, collation, and whether it is computed', async t => {
  t.match(columnsOf('(x VARCHAR(20) NOT NULL COLLATE NOCASE, y REAL AS (x + 1) STORED, z AS (x + 2) VIRTUAL)'), [
    { type: 'VARCHAR(20)', affinity: 'TEXT', notNull: true, collation: 'NOCASE', generated: null },
    { type: 'REAL', affinity: 'REAL', notNull: false, generated: { kind: 'stored', expression: 'x + 1' } },
    { generated: { kind: 'virtual', expression: 'x + 2' } },
  ])
})

for (const [sql, expected] of [
  ["DEFAULT 'it''s'", "'it''s'"],
  ['DEFAULT CURRENT_TIMESTAMP', 'CURRENT_TIMESTAMP'],
  ['DEFAULT (CURRENT_TIMESTAMP)', 'CURRENT_TIMESTAMP'],
  ['DEFAULT -1.5', '-1.5'],
  ['DEFAULT null', null],
  ["DEFAULT 'NULL'", "'NULL'"],
  ['', null],
] as const) {
  t.test(`"${sql}" is the default ${expected}`, async t => t.equal(columnsOf(`(x ${sql})`)[0]?.default, expected))
}

for (const [title, definition, expected] of [
  ['INTEGER PRIMARY KEY is the rowid, and never NULL', '(x INTEGER PRIMARY KEY)', { rowidAlias: true, notNull: true }],
  ['also as a constraint of the table', '(x INTEGER, PRIMARY KEY (x))', { rowidAlias: true, notNull: true }],
  ['BIGINT PRIMARY KEY is not, though its affinity is the same', '(x BIGINT PRIMARY KEY)', { rowidAlias: false }],
  ['nor is a descending one', '(x INTEGER PRIMARY KEY DESC)', { rowidAlias: false, notNull: false }],
  ['nor is TEXT', '(x TEXT PRIMARY KEY)', { rowidAlias: false, notNull: false, key: 1 }],
  ['nor is any WITHOUT ROWID', '(x INTEGER PRIMARY KEY) WITHOUT ROWID', { rowidAlias: false, notNull: true, key: 1 }],
] as const) {
  t.test(title, async t => t.match(columnsOf(definition), [expected]))
}

t.test('places in the primary key are those of the key, not of the table', async t => {
  t.strictSame(
    columnsOf('(x, y, z, PRIMARY KEY (z, x))').map(({ key }) => key),
    [2, 0, 1],
  )
})

const keysOf = (definition: string) => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE p (k PRIMARY KEY, l, m, UNIQUE (l, m)); CREATE TABLE q (m, l, PRIMARY KEY (l, m));
    CREATE TABLE a ${definition}`)
  const keys = readSchema(connection).tables.find(({ name }) => name === 'a')?.foreignKeys
  connection.close()
  return keys
}
const plain = { parent: 'p', onUpdate: 'NO ACTION', onDelete: 'NO ACTION', deferred: false }

t.test('a table without foreign keys has none', async t => t.strictSame(keysOf('(x)'), []))

t.test('each comes with its columns and actions, by its columns', async t => {
  t.strictSame(
    keysOf(`(z REFERENCES p (k) ON DELETE CASCADE ON UPDATE SET NULL, y, x DEFAULT 1 REFERENCES p (k) DEFERRABLE INITIALLY DEFERRED,
      FOREIGN KEY (y, x) REFERENCES p (l, m))`),
    [
      { ...plain, columns: ['x'], parentColumns: ['k'], deferred: true },
      { ...plain, columns: ['y', 'x'], parentColumns: ['l', 'm'] },
      { ...plain, columns: ['z'], parentColumns: ['k'], onDelete: 'CASCADE', onUpdate: 'SET NULL' },
    ],
  )
})

t.test('one that names no columns of its parent means the primary key', async t => {
  t.match(keysOf('(x REFERENCES p)'), [{ parentColumns: ['k'] }])
  t.match(keysOf('(x, y, FOREIGN KEY (x, y) REFERENCES q)'), [{ columns: ['x', 'y'], parentColumns: ['l', 'm'] }])
  t.match(keysOf('(x REFERENCES elsewhere)'), [{ parent: 'elsewhere', parentColumns: [] }])
})

const indexesOf = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(sql)
  const found = readIndexes(connection, 'a')
  connection.close()
  return found
}
const part = (of: string) => ({ of, collation: 'BINARY', descending: false })

t.test('a table without indexes has none, and none for its key', async t => {
  t.strictSame(indexesOf('CREATE TABLE a (x INTEGER PRIMARY KEY)'), { indexes: [], hasKeyIndex: false })
})

t.test('that of the primary key is only told of', async t => {
  t.strictSame(indexesOf('CREATE TABLE a (x TEXT PRIMARY KEY)'), { indexes: [], hasKeyIndex: true })
})

t.test('UNIQUE inside CREATE TABLE is an index without name or text', async t => {
  t.strictSame(indexesOf('CREATE TABLE a (x, y, UNIQUE (y, x))').indexes, [
    { name: null, unique: true, parts: [part('y'), part('x')], where: null, sql: null },
  ])
})

t.test('they come by name, with columns in order, directions and collations', async t => {
  const sql = 'CREATE UNIQUE INDEX i ON a (y DESC, x)'
  t.strictSame(
    indexesOf(`CREATE TABLE a (x COLLATE NOCASE, y); CREATE INDEX j ON a (y COLLATE RTRIM); ${sql}`).indexes,
    [
      {
        name: 'i',
        unique: true,
        parts: [
          { ...part('y'), descending: true },
          { ...part('x'), collation: 'NOCASE' },
        ],
        where: null,
        sql,
      },
      {
        name: 'j',
        unique: false,
        parts: [{ ...part('y'), collation: 'RTRIM' }],
        where: null,
        sql: 'CREATE INDEX j ON a (y COLLATE RTRIM)',
      },
    ],
  )
})

t.test('expressions and conditions are read out of the text', async t => {
  const [index] = indexesOf(`CREATE TABLE a (x, y);
    CREATE INDEX i ON a (lower(x) COLLATE NOCASE DESC, y, max(x, y) ASC, (x + 1)) WHERE x IS NOT ')' AND (y > 0)`).indexes
  t.match(index, {
    parts: [
      { of: 'lower(x)', collation: 'NOCASE', descending: true },
      { of: 'y' },
      { of: 'max(x, y)', collation: 'BINARY', descending: false },
      { of: '(x + 1)' },
    ],
    where: "x IS NOT ')' AND (y > 0)",
  })
})

const structureOf = (sql: string) => {
  const connection = new Database(':memory:')
  try {
    // SQLite's schema may be written to, as a test does to have what it would refuse
    connection.unsafeMode(true)
    connection.exec(sql)
    return readSchema(connection)
  } finally {
    connection.close()
  }
}
const plainStructure = {
  virtual: false,
  withoutRowid: false,
  strict: false,
  autoincrement: false,
  foreignKeys: [],
  indexes: [],
  checks: [],
  onConflict: [],
} satisfies Partial<Table>

t.test('an empty database has nothing', async t => {
  t.strictSame(structureOf(''), { tables: [], views: [], triggers: [] })
})

t.test('tables, views and triggers come by name, each with its text', async t => {
  const trigger = 'CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END'
  t.match(structureOf(`CREATE TABLE b (x); CREATE TABLE a (x); CREATE VIEW v AS SELECT x FROM a; ${trigger}`), {
    tables: [
      { ...plainStructure, name: 'a', sql: 'CREATE TABLE a (x)' },
      { ...plainStructure, name: 'b', sql: 'CREATE TABLE b (x)' },
    ],
    views: [{ name: 'v', sql: 'CREATE VIEW v AS SELECT x FROM a', error: null }],
    triggers: [{ name: 'r', table: 'a', sql: trigger }],
  })
})

t.test('what kind of table it is, is told', async t => {
  const { tables } =
    structureOf(`CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT, CHECK (x > 0), UNIQUE (x) ON CONFLICT FAIL);
    CREATE TABLE b (x INT PRIMARY KEY) WITHOUT ROWID, STRICT`)
  t.match(tables, [
    { autoincrement: true, checks: ['x > 0'], onConflict: ['UNIQUE (x) ON CONFLICT FAIL'], withoutRowid: false },
    { autoincrement: false, checks: [], withoutRowid: true, strict: true },
  ])
})

t.test("SQLite's own tables, and those behind a virtual one, are left out", async t => {
  const { tables } =
    structureOf(`CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a VALUES (1); ANALYZE;
    CREATE VIRTUAL TABLE words USING fts5(word)`)
  t.match(
    tables.map(({ name, virtual, columns }) => [name, virtual, columns.length]),
    [
      ['a', false, 1],
      ['words', true, 0],
    ],
  )
})

t.test('a virtual table whose module is not here does not keep the rest from being read', async t => {
  const { tables } =
    structureOf(`CREATE VIRTUAL TABLE words USING fts5(word); CREATE TABLE a (x); PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE words USING elsewhere(word)' WHERE name = 'words';
    PRAGMA writable_schema = RESET`)
  t.match(tables, [{ name: 'a' }, { name: 'words', virtual: true }])
})

t.test('names with quotes and spaces are read', async t => {
  const { tables } = structureOf(
    `CREATE TABLE "it's ""a""" ("x y" TEXT COLLATE NOCASE, z AS ("x y")); CREATE INDEX "i j" ON "it's ""a""" ("x y")`,
  )
  t.match(tables, [
    {
      name: 'it\'s "a"',
      columns: [
        { name: 'x y', collation: 'NOCASE' },
        { name: 'z', generated: { expression: '"x y"' } },
      ],
      indexes: [{ name: 'i j' }],
    },
  ])
})

t.test('what ALTER TABLE made is read', async t => {
  const { tables } =
    structureOf(`CREATE TABLE a (x); ALTER TABLE a ADD COLUMN y TEXT DEFAULT 'b' REFERENCES a (x) ON DELETE SET NULL;
    ALTER TABLE a RENAME COLUMN x TO "z z"; ALTER TABLE a ADD COLUMN w AS (y || 'w')`)
  t.match(tables, [
    {
      columns: [{ name: 'z z' }, { name: 'y', default: "'b'" }, { name: 'w', generated: { kind: 'virtual' } }],
      foreignKeys: [{ columns: ['y'], parent: 'a', parentColumns: ['z z'], onDelete: 'SET NULL' }],
    },
  ])
})

const viewsOf = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(sql)
  const views = readViews(connection)
  connection.close()
  return views.map(({ name, error }) => [name, error])
}

t.test('views are read by name, whatever it is', async t => {
  t.strictSame(
    viewsOf('CREATE TABLE a (x); CREATE VIEW "w ""1" AS SELECT x FROM a; CREATE VIEW v AS SELECT 1 AS one'),
    [
      ['v', null],
      ['w "1', null],
    ],
  )
})

t.test('a view whose table or column is gone says so', async t => {
  t.strictSame(viewsOf('CREATE TABLE a (x); CREATE VIEW v AS SELECT x FROM a; DROP TABLE a'), [
    ['v', 'no such table: main.a'],
  ])
  t.strictSame(viewsOf('CREATE TABLE a (x); CREATE VIEW v AS SELECT z FROM a'), [['v', 'no such column: z']])
})

t.test('a function or collation that only the hub has is no fault of a view', async t => {
  t.strictSame(
    viewsOf(
      'CREATE TABLE a (x); CREATE VIEW v AS SELECT hubs_own(x) FROM a; CREATE VIEW w AS SELECT x COLLATE hubs FROM a',
    ),
    [
      ['v', null],
      ['w', null],
    ],
  )
})

t.test('the history, and what a person hung on it, is no part of what migrations made', async t => {
  const connection = new Database(':memory:')
  prepareHistory(connection, [])
  const trigger = (name: string, table: string) => `CREATE TRIGGER ${name} AFTER INSERT ON ${table} BEGIN SELECT 1; END`
  connection.exec(`CREATE TABLE a (x); CREATE VIEW v AS SELECT 1; CREATE INDEX i ON SequelizeMeta (checksum);
    ${trigger('r', 'a')}; ${trigger('s', 'SequelizeMeta')}`)
  const { tables, views, triggers } = readAppSchema(connection)
  t.strictSame(
    [tables, views, triggers].map(objects => objects.map(({ name }) => name)),
    [['a'], ['v'], ['r']],
  )
  connection.close()
})

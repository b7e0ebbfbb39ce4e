import Database from 'better-sqlite3'
import t from 'tap'
import { readStructure } from '../../src/database/structure.ts'

/** The columns of a table, read as they are in a structure: with its text and its indexes. */
const read = (definition: string) => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE a ${definition}`)
  const columns = readStructure(connection).tables.flatMap(table => table.columns)
  connection.close()
  return columns
}

t.test('a column that says nothing', async t => {
  t.strictSame(read('(x)'), [
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
  t.match(read('(x VARCHAR(20) NOT NULL COLLATE NOCASE, y REAL AS (x + 1) STORED, z AS (x + 2) VIRTUAL)'), [
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
  t.test(`"${sql}" is the default ${expected}`, async t => t.equal(read(`(x ${sql})`)[0]?.default, expected))
}

for (const [title, definition, expected] of [
  ['INTEGER PRIMARY KEY is the rowid, and never NULL', '(x INTEGER PRIMARY KEY)', { rowidAlias: true, notNull: true }],
  ['also as a constraint of the table', '(x INTEGER, PRIMARY KEY (x))', { rowidAlias: true, notNull: true }],
  ['BIGINT PRIMARY KEY is not, though its affinity is the same', '(x BIGINT PRIMARY KEY)', { rowidAlias: false }],
  ['nor is a descending one', '(x INTEGER PRIMARY KEY DESC)', { rowidAlias: false, notNull: false }],
  ['nor is TEXT', '(x TEXT PRIMARY KEY)', { rowidAlias: false, notNull: false, key: 1 }],
  ['nor is any WITHOUT ROWID', '(x INTEGER PRIMARY KEY) WITHOUT ROWID', { rowidAlias: false, notNull: true, key: 1 }],
] as const) {
  t.test(title, async t => t.match(read(definition), [expected]))
}

t.test('places in the primary key are those of the key, not of the table', async t => {
  t.strictSame(
    read('(x, y, z, PRIMARY KEY (z, x))').map(({ key }) => key),
    [2, 0, 1],
  )
})

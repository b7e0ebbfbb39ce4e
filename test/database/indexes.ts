import Database from 'better-sqlite3'
import t from 'tap'
import { readIndexes } from '../../src/database/indexes.ts'

const read = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(sql)
  const found = readIndexes(connection, 'a')
  connection.close()
  return found
}
const part = (of: string) => ({ of, collation: 'BINARY', descending: false })

t.test('a table without indexes has none, and none for its key', async t => {
  t.strictSame(read('CREATE TABLE a (x INTEGER PRIMARY KEY)'), { indexes: [], hasKeyIndex: false })
})

t.test('that of the primary key is only told of', async t => {
  t.strictSame(read('CREATE TABLE a (x TEXT PRIMARY KEY)'), { indexes: [], hasKeyIndex: true })
})

t.test('UNIQUE inside CREATE TABLE is an index without name or text', async t => {
  t.strictSame(read('CREATE TABLE a (x, y, UNIQUE (y, x))').indexes, [
    { name: null, unique: true, parts: [part('y'), part('x')], where: null, sql: null },
  ])
})

t.test('they come by name, with columns in order, directions and collations', async t => {
  const sql = 'CREATE UNIQUE INDEX i ON a (y DESC, x)'
  t.strictSame(read(`CREATE TABLE a (x COLLATE NOCASE, y); CREATE INDEX j ON a (y COLLATE RTRIM); ${sql}`).indexes, [
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
  ])
})

t.test('expressions and conditions are read out of the text', async t => {
  const [index] = read(`CREATE TABLE a (x, y);
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

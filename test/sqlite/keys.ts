import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { findBrokenKeys, findOrphans, uncheckedTables } from '../../src/sqlite/keys.ts'
import { readSchema } from '../../src/sqlite/schema/read.ts'

const open = (t: Pick<Test, 'teardown'>) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(`PRAGMA foreign_keys = OFF; CREATE TABLE p (k, l UNIQUE); INSERT INTO p VALUES (1, 1);
    CREATE TABLE "a'" (x REFERENCES p (k)); CREATE TABLE b (x REFERENCES p (l)); CREATE TABLE c (x REFERENCES p (l));
    CREATE VIEW v AS SELECT 1; INSERT INTO "a'" VALUES (1); INSERT INTO b VALUES (1), (2), (3)`)
  return connection
}

t.test('rows without a parent are counted by parent, and rows with one are none', async t => {
  const connection = open(t)
  t.strictSame(findBrokenKeys(connection, 'b'), { broken: [{ parent: 'p', rows: 2, first: 2 }] })
  t.strictSame(findBrokenKeys(connection, 'c'), { broken: [] })
})

t.test('a table that SQLite does not check is told as such, and named', async t => {
  const connection = open(t)
  t.match(findBrokenKeys(connection, "a'"), { unchecked: /mismatch/ })
  t.strictSame(uncheckedTables(connection), ["a'"])
})

t.test('an error that says nothing of the foreign keys is one', async t => {
  const connection = open(t)
  connection.close()
  t.throws(() => uncheckedTables(connection), { name: 'TypeError' })
})

const find = (sql: string) => {
  const connection = new Database(':memory:')
  try {
    connection.exec(`PRAGMA foreign_keys = OFF; ${sql}`)
    return findOrphans(connection, readSchema(connection))
  } finally {
    connection.close()
  }
}
const tables = 'CREATE TABLE p (k INTEGER PRIMARY KEY); CREATE TABLE a (x REFERENCES p, y REFERENCES q);'

t.test('rows with a parent, or with NULL, are no finding', async t => {
  t.strictSame(find(`${tables} INSERT INTO p VALUES (1); INSERT INTO a VALUES (1, NULL), (NULL, NULL)`), [])
})

t.test('rows without a parent are counted by parent, with the first of them', async t => {
  t.strictSame(find(`${tables} INSERT INTO a VALUES (NULL, NULL), (7, 1), (8, NULL)`), [
    {
      weight: 'difference',
      object: 'foreign keys of a to p',
      what: 'rows without a parent',
      expected: '0',
      found: '2, the first with rowid 2',
    },
    {
      weight: 'difference',
      object: 'foreign keys of a to q',
      what: 'rows without a parent',
      expected: '0',
      found: '1, the first with rowid 2',
    },
  ])
})

t.test('a table without rowid has no first', async t => {
  const sql = 'CREATE TABLE a (k PRIMARY KEY, x REFERENCES p) WITHOUT ROWID; INSERT INTO a VALUES (1, 1)'
  t.match(find(sql), [{ found: '1' }])
})

t.test('a foreign key that cannot be checked does not keep the others from it', async t => {
  const sql = `CREATE TABLE p (k, l UNIQUE); CREATE TABLE a (x REFERENCES p (k)); CREATE TABLE b (x REFERENCES p (l));
    INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)`
  t.match(find(sql), [
    { object: 'foreign keys of a', what: 'check', found: /mismatch/ },
    { object: 'foreign keys of b to p', found: /^1,/ },
  ])
})

t.test('what is damaged is no finding but an error', async t => {
  const file = join(t.testdir(), 'x.db')
  const connection = new Database(file)
  connection.exec(`PRAGMA foreign_keys = OFF; ${tables}`)
  const structure = readSchema(connection)
  connection.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO a SELECT i, NULL FROM n`)
  connection.close()
  truncateSync(file, 3 * 4096)
  const damaged = new Database(file)
  t.throws(() => findOrphans(damaged, structure), { code: 'SQLITE_CORRUPT' })
  damaged.close()
})

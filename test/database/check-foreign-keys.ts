import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { checkForeignKeys, uncheckedTables } from '../../src/database/check-foreign-keys.ts'

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
  t.strictSame(checkForeignKeys(connection, 'b'), { broken: [{ parent: 'p', rows: 2, first: 2 }] })
  t.strictSame(checkForeignKeys(connection, 'c'), { broken: [] })
})

t.test('a table that SQLite does not check is told as such, and named', async t => {
  const connection = open(t)
  t.match(checkForeignKeys(connection, "a'"), { unchecked: /mismatch/ })
  t.strictSame(uncheckedTables(connection), ["a'"])
})

t.test('an error that says nothing of the foreign keys is one', async t => {
  const connection = open(t)
  connection.close()
  t.throws(() => uncheckedTables(connection), { name: 'TypeError' })
})

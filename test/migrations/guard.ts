import Database from 'better-sqlite3'
import t from 'tap'
import { findLosses, takeSnapshot } from '../../src/migrations/guard.ts'

/** The losses that SQL causes in a database of a parent with two children, one of which is an orphan. */
const losses = (sql: string, allowed: readonly string[] = []): readonly string[] => {
  const connection = new Database(':memory:')
  connection.pragma('foreign_keys = OFF')
  connection.exec(`
    CREATE TABLE parents (id INTEGER PRIMARY KEY); INSERT INTO parents VALUES (1);
    CREATE TABLE "odd ""name" (id INTEGER PRIMARY KEY, parent REFERENCES parents (id));
    INSERT INTO "odd ""name" VALUES (1, 1), (2, 99);
    CREATE TABLE v2 (x); INSERT INTO v2 VALUES (1);
    CREATE VIEW v AS SELECT * FROM parents`)
  const before = takeSnapshot(connection)
  connection.exec(sql)
  const found = findLosses(before, takeSnapshot(connection), allowed)
  connection.close()
  return found
}

t.test('no change is no loss, nor are rows, tables and names that come', async t => {
  t.strictSame(losses(''), [])
  t.strictSame(losses('INSERT INTO parents VALUES (2); CREATE TABLE more (x)'), [])
  t.strictSame(losses('ALTER TABLE v2 RENAME TO v3'), [])
  t.strictSame(losses('ALTER TABLE parents RENAME TO elders'), [], 'the orphan that was there is not blamed')
})

t.test('rows that go are a loss', async t => {
  t.match(losses('DELETE FROM "odd ""name" WHERE id = 2'), [/odd "name had 2 rows and has 1/])
})

t.test('a table that goes with its rows is a loss', async t => {
  t.match(losses('DROP TABLE "odd ""name"'), [/had 2 rows and has 0/])
})

t.test('rows that are announced may go', async t => {
  t.strictSame(losses('DELETE FROM "odd ""name"', ['odd "name']), [])
  t.match(losses('DELETE FROM "odd ""name"; DELETE FROM parents', ['odd "name']), [/parents had 1 rows/])
})

t.test('new violations of a foreign key are a loss, old ones are not', async t => {
  t.match(losses('INSERT INTO "odd ""name" VALUES (3, 98)'), [/1 rows break the foreign key odd "name -> parents/])
})

t.test('the first violations of a foreign key are a loss', async t => {
  const sql = 'CREATE TABLE third (parent REFERENCES parents (id)); INSERT INTO third VALUES (5), (6)'
  t.match(losses(sql), [/2 rows break the foreign key third -> parents/])
})

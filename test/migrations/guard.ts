import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { createGuard } from '../../src/migrations/guard.ts'

/** The losses that SQL causes in a database of a parent with two children, one of which is an orphan. */
const losses = async (sql: string, allowed: readonly string[] = []): Promise<readonly string[]> => {
  const connection = new Database(':memory:')
  connection.pragma('foreign_keys = OFF')
  connection.exec(`
    CREATE TABLE parents (id INTEGER PRIMARY KEY); INSERT INTO parents VALUES (1);
    CREATE TABLE "odd ""name" (id INTEGER PRIMARY KEY, parent REFERENCES parents (id));
    INSERT INTO "odd ""name" VALUES (1, 1), (2, 99);
    CREATE VIRTUAL TABLE words USING fts5(x); INSERT INTO words VALUES ('one'), ('two');
    CREATE TABLE v2 (x); INSERT INTO v2 VALUES (1);
    CREATE VIEW v AS SELECT * FROM parents`)
  const guard = createGuard(connection)
  const found = await guard(async () => void connection.exec(sql))
  const left = connection.prepare('SELECT name FROM sqlite_temp_schema').all()
  if (left.length > 0) throw new Error(`the guard left ${JSON.stringify(left)}`)
  connection.close()
  return found.filter(({ table }) => table === null || !allowed.includes(table)).map(({ text }) => text)
}

t.test('no change is no loss, nor are rows, tables and names that come', async t => {
  t.strictSame(await losses(''), [])
  t.strictSame(await losses('INSERT INTO parents VALUES (2); CREATE TABLE more (x)'), [])
  t.strictSame(await losses('ALTER TABLE v2 RENAME TO v3'), [])
  t.strictSame(await losses('ALTER TABLE parents RENAME TO elders'), [], 'the orphan that was there is not blamed')
})

t.test('rows that go are a loss', async t => {
  t.match(await losses('DELETE FROM "odd ""name" WHERE id = 2'), [/odd "name had 2 rows and has 1/])
})

t.test('a table that goes with its rows is a loss', async t => {
  t.match(await losses('DROP TABLE "odd ""name"'), [/had 2 rows and has 0/])
})

t.test('rows that are announced may go', async t => {
  t.strictSame(await losses('DELETE FROM "odd ""name"', ['odd "name']), [])
  t.match(await losses('DELETE FROM "odd ""name"; DELETE FROM parents', ['odd "name']), [/parents had 1 rows/])
})

t.test('rows that go while as many come are a loss, unless they are announced', async t => {
  const exchange = 'DELETE FROM "odd ""name" WHERE id = 2; INSERT INTO "odd ""name" VALUES (3, 1)'
  t.match(await losses(exchange), [/1 rows were deleted from odd "name/])
  t.strictSame(await losses(exchange, ['odd "name']), [])
  const renamed = `ALTER TABLE v2 RENAME TO v3; DELETE FROM v3; INSERT INTO v3 VALUES (2)`
  t.match(await losses(renamed), [/1 rows were deleted from v2/])
})

t.test('rows that a trigger deletes are a loss', async t => {
  const sql = `CREATE TRIGGER tidy AFTER INSERT ON parents BEGIN DELETE FROM v2; END;
    INSERT INTO parents VALUES (2); INSERT INTO v2 VALUES (3)`
  t.match(await losses(sql), [/1 rows were deleted from v2/])
})

t.test('a rebuild in raw SQL that keeps every row is no loss', async t => {
  const rebuild = `CREATE TABLE v2_new (x INT); INSERT INTO v2_new SELECT x FROM v2; DROP TABLE v2;
    ALTER TABLE v2_new RENAME TO v2`
  t.strictSame(await losses(rebuild), [])
})

t.test('the words of a full text index count, how it stores them does not', async t => {
  t.match(await losses("DELETE FROM words WHERE x = 'one'"), [/words had 2 rows and has 1/])
  t.strictSame(await losses("INSERT INTO words(words) VALUES ('optimize'); INSERT INTO words VALUES ('three')"), [])
})

t.test('new violations of a foreign key are a loss, old ones are not', async t => {
  t.match(await losses('INSERT INTO "odd ""name" VALUES (3, 98)'), [
    /1 rows break the foreign key odd "name -> parents/,
  ])
})

t.test('the first violations of a foreign key are a loss', async t => {
  const sql = 'CREATE TABLE third (parent REFERENCES parents (id)); INSERT INTO third VALUES (5), (6)'
  t.match(await losses(sql), [/2 rows break the foreign key third -> parents/])
})

t.test('a foreign key that cannot be checked is a loss when it is new, and none when it was there', async t => {
  const mismatch = 'CREATE TABLE p (x); CREATE TABLE c (y REFERENCES p (x)); INSERT INTO c VALUES (1)'
  t.match(await losses(mismatch), [/c, which cannot be checked \(foreign key mismatch/])
  const connection = new Database(':memory:')
  connection.pragma('foreign_keys = OFF')
  connection.exec(mismatch)
  const guard = createGuard(connection)
  t.strictSame(await guard(async () => void connection.exec('CREATE TABLE d (x)')), [])
  connection.close()
})

t.test('damage that is met on the way is told as such', async t => {
  const file = join(t.testdir(), 'x.db')
  const writer = new Database(file)
  writer.exec(
    'CREATE TABLE p (x PRIMARY KEY); CREATE TABLE c (y REFERENCES p); INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)',
  )
  const page = Number(writer.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'c'").pluck().get())
  writer.close()
  const bytes = readFileSync(file)
  bytes.fill(0xff, (page - 1) * 4096, page * 4096)
  writeFileSync(file, bytes)
  const connection = new Database(file)
  t.throws(() => createGuard(connection), { code: 'SQLITE_CORRUPT' })
  connection.close()
})

t.test('of one migration after the other, each is held against what the one before left', async t => {
  const connection = new Database(':memory:')
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)')
  const guard = createGuard(connection)
  t.match(await guard(async () => void connection.exec('DELETE FROM a WHERE x = 1')), [{ table: 'a', rows: 1 }])
  t.strictSame(await guard(async () => void connection.exec('INSERT INTO a VALUES (3)')), [])
  await t.rejects(
    guard(async () => Promise.reject(new Error('it failed'))),
    { message: 'it failed' },
  )
  connection.close()
})

t.test('a view that could be read and cannot any more is a loss, one that goes is none', async t => {
  const away =
    'ALTER TABLE parents RENAME TO elders; CREATE TABLE parents (id); INSERT INTO parents SELECT id FROM elders'
  t.match(await losses(`${away}; DROP TABLE elders`, ['elders']), [
    /break the foreign key/,
    /^the view v cannot be read any more: no such table: main.elders$/,
  ])
  t.strictSame(await losses('DROP VIEW v; CREATE VIEW w AS SELECT x FROM gone'), [])
})

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import type { Loss } from '../../src/engine.ts'
import { createGuard } from '../../src/migrations/guard.ts'
import { openLedger } from '../../src/sqlite/rows/ledger.ts'
import { runStatements } from '../help/ledger.ts'

/** How the state of before is kept: its keys are copied, the last commit of a WAL is read, or a backup. */
const ways = ['keys', 'wal', 'backup'] as const
type Way = (typeof ways)[number]
const folder = mkdtempSync(join(tmpdir(), 'guard-'))
t.teardown(() => rmSync(folder, { recursive: true }))
let made = 0

const open = (sql: string, way: Way = 'keys') => {
  made += 1
  const file = way === 'keys' ? ':memory:' : join(folder, `${made}.db`)
  const backup = way === 'backup' ? `${file}.backup` : undefined
  const connection = new Database(file)
  connection.pragma(`journal_mode = ${way === 'wal' ? 'wal' : 'delete'}`)
  connection.pragma('foreign_keys = OFF')
  connection.exec(sql)
  if (backup !== undefined) copyFileSync(file, backup)
  connection.exec('BEGIN')
  const ledger = openLedger(connection, { history: 'SequelizeMeta', backup })
  const guard = createGuard(ledger)
  const run = (statements: readonly string[], removesRows: readonly string[] = []): Promise<readonly Loss[]> =>
    guard.run('0001-a', removesRows, () => runStatements(connection, ledger, statements))
  return { connection, run, finish: guard.finish }
}

const lossesIn = async (
  way: Way,
  statements: readonly string[],
  removesRows: readonly string[],
): Promise<readonly string[]> => {
  const setup = `
    CREATE TABLE parents (id INTEGER PRIMARY KEY); INSERT INTO parents VALUES (1);
    CREATE TABLE "odd ""name" (id INTEGER PRIMARY KEY, parent REFERENCES parents (id));
    INSERT INTO "odd ""name" VALUES (1, 1), (2, 99);
    CREATE VIRTUAL TABLE words USING fts5(x); INSERT INTO words VALUES ('one'), ('two');
    CREATE TABLE v2 (x); INSERT INTO v2 VALUES (1);
    CREATE VIEW v AS SELECT * FROM parents`
  const { connection, run, finish } = open(setup, way)
  const found = [...(await run(statements, removesRows)), ...(await finish())]
  const left = connection.prepare('SELECT name FROM sqlite_temp_schema').all()
  if (left.length > 0) throw new Error(`the guard left ${JSON.stringify(left)}`)
  connection.close()
  return found.filter(({ announced }) => !announced).map(({ text }) => text)
}

/** The losses that statements cause in a database of a parent with two children, one of which is an orphan: in every way the same. */
const losses = async (
  statements: readonly string[],
  removesRows: readonly string[] = [],
): Promise<readonly string[]> => {
  const [first = [], ...others] = await Promise.all(ways.map(way => lossesIn(way, statements, removesRows)))
  for (const [index, other] of others.entries()) t.strictSame(other, first, `${ways[index + 1]}: ${statements.join()}`)
  return first
}

t.test('no change is no loss, nor are rows, tables and names that come', async t => {
  t.strictSame(await losses([]), [])
  t.strictSame(await losses(['INSERT INTO parents VALUES (2)', 'CREATE TABLE more (x)']), [])
  t.strictSame(await losses(['ALTER TABLE v2 RENAME TO v3']), [])
  t.strictSame(await losses(['ALTER TABLE words RENAME TO terms']), [])
  t.strictSame(await losses(['ALTER TABLE parents RENAME TO elders']), [], 'the orphan that was there is not blamed')
})

t.test('rows that go are a loss, which names the statement', async t => {
  t.match(await losses(['DELETE FROM "odd ""name" WHERE id = 2']), [/odd "name had 2 rows and has 1 .*\(DELETE FROM/])
  const long = `DELETE FROM v2 WHERE x IN (${'1, '.repeat(100)}1)`
  t.match(await losses([long]), [/1, \.\.\.\)$/])
})

t.test('a table that goes with its rows is a loss, whatever is made in its place', async t => {
  t.match(await losses(['DROP TABLE "odd ""name"']), [/had 2 rows and has 0 after it \(DROP TABLE/])
  const others = [
    'DROP TABLE parents',
    'CREATE TABLE parents (id INTEGER PRIMARY KEY, x)',
    'INSERT INTO parents VALUES (1, 2)',
  ]
  t.match(await lossesIn('keys', others, []), [/1 row of parents is gone$/])
})

t.test('rows that are announced may go, in any case of the name, also by a name that the table gets', async t => {
  const all = ['DELETE FROM "odd ""name"']
  t.strictSame(await losses(all, ['ODD "name']), [])
  t.match(await losses([...all, 'DELETE FROM parents'], ['odd "name']), [/parents had 1 row/])
  t.strictSame(await losses(['ALTER TABLE v2 RENAME TO v3', 'DELETE FROM v3'], ['v3']), [])
})

t.test('rows that go while as many come are a loss, unless they are announced', async t => {
  const exchange = ['DELETE FROM "odd ""name" WHERE id = 2', 'INSERT INTO "odd ""name" VALUES (3, 1)']
  t.match(await losses(exchange), [/1 row of odd "name is gone, the first with 2: migration 0001-a \(DELETE/])
  t.strictSame(await losses(exchange, ['odd "name']), [])
  const renamed = ['ALTER TABLE v2 RENAME TO v3', 'DELETE FROM v3', 'INSERT INTO v3 VALUES (2)']
  t.match(await losses(renamed), [/1 row of v2/])
})

t.test('rows that a trigger deletes are a loss', async t => {
  const tidy = 'CREATE TRIGGER tidy AFTER INSERT ON parents BEGIN DELETE FROM v2; END'
  t.match(await losses([tidy, 'INSERT INTO parents VALUES (2)', 'INSERT INTO v2 VALUES (3)']), [/1 row of v2/])
})

t.test('a rebuild in raw SQL that keeps every row is no loss', async t => {
  const rebuild = [
    'CREATE TABLE v2_new (x INT)',
    'INSERT INTO v2_new SELECT x FROM v2',
    'DROP TABLE v2',
    'ALTER TABLE v2_new RENAME TO v2',
  ]
  t.strictSame(await losses(rebuild), [])
  t.match(await losses([...rebuild, 'DELETE FROM v2', 'INSERT INTO v2 VALUES (9)']), [/1 row of v2/])
})

t.test('the words of a full text index count, how it stores them does not', async t => {
  t.match(await losses(["DELETE FROM words WHERE x = 'one'"]), [/words had 2 rows and has 1/])
  const stores = ["INSERT INTO words(words) VALUES ('optimize')", "INSERT INTO words VALUES ('three')"]
  t.strictSame(await losses(stores), [])
})

t.test('rows that lose their parent are a loss, those that had none are not, whatever their number', async t => {
  t.match(await losses(['INSERT INTO "odd ""name" VALUES (3, 98)']), [
    /1 row breaks the foreign key odd "name -> parents/,
  ])
  const turned = ['UPDATE "odd ""name" SET parent = 1 WHERE id = 2', 'UPDATE "odd ""name" SET parent = 99 WHERE id = 1']
  t.match(await losses(turned), [/1 row breaks the foreign key odd "name -> parents/])
  const moved = ['UPDATE "odd ""name" SET id = 7 WHERE id = 2']
  t.strictSame(await losses(moved), [], 'nor is one whose key changed')
  const copy = [
    'CREATE TABLE o (id INTEGER PRIMARY KEY, Parent REFERENCES parents (id))',
    'INSERT INTO o SELECT * FROM "odd ""name"',
  ]
  const rebuilt = [...moved, ...copy, 'DROP TABLE "odd ""name"', 'ALTER TABLE o RENAME TO "odd ""name"']
  t.strictSame(await losses(rebuilt), [], 'not even through a rebuild')
  const third = ['CREATE TABLE third (parent REFERENCES parents (id))', 'INSERT INTO third VALUES (5), (6)']
  t.match(await losses(third), [/2 rows break the foreign key third -> parents/])
})

t.test('a row without a parent is no new one after a migration that changed its key and may delete rows', async t => {
  const setup = `CREATE TABLE p (id INTEGER PRIMARY KEY);
    CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p); INSERT INTO c VALUES (15, 99)`
  for (const way of ways)
    for (const announced of [[], ['c']]) {
      const { connection, run, finish } = open(setup, way)
      t.strictSame(await run(['UPDATE c SET id = 21 WHERE id = 15'], announced), [], way)
      t.strictSame(await run(['INSERT INTO p VALUES (1)']), [], way)
      t.match(await run(['INSERT INTO c VALUES (15, 99)']), [{ rows: 1, text: /foreign key c -> p/ }], way)
      t.strictSame(await finish(), [], way)
      connection.close()
    }
})

t.test('rows of a table without rowids lose their parents as others do', async t => {
  const setup = `CREATE TABLE p (id TEXT PRIMARY KEY); INSERT INTO p VALUES ('a');
    CREATE TABLE c (id PRIMARY KEY, p REFERENCES p) WITHOUT ROWID; INSERT INTO c VALUES (1, 'a'), (2, 'gone')`
  const turned = ["UPDATE c SET p = 'a' WHERE id = 2", "UPDATE c SET p = 'gone' WHERE id = 1"]
  for (const way of ways)
    for (const first of [[], ["INSERT INTO c VALUES (3, 'a'), (4, NULL)"]]) {
      const { connection, run } = open(setup, way)
      if (first.length > 0) t.strictSame(await run(first), [])
      t.match(await run(turned), [{ table: null, rows: 1 }], way)
      connection.close()
    }
})

t.test('a foreign key that cannot be checked is a loss when it is new, and none when it was there', async t => {
  const mismatch = ['CREATE TABLE p (x)', 'CREATE TABLE c (y REFERENCES p (x))', 'INSERT INTO c VALUES (1)']
  t.match(await losses(mismatch), [/foreign key c cannot be checked \(foreign key mismatch/])
  for (const way of ways) {
    const { connection, run } = open(mismatch.join('; '), way)
    t.strictSame(await run(['CREATE TABLE d (x)']), [], way)
    t.match(await run(['CREATE TABLE e (y REFERENCES p (x))', 'INSERT INTO e VALUES (1)']), [{ text: /key e cannot/ }])
    connection.close()
  }
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
  connection.exec('BEGIN')
  t.throws(() => openLedger(connection, { history: 'SequelizeMeta', backup: undefined }), { code: 'SQLITE_CORRUPT' })
  connection.close()
})

t.test('of one migration after the other, each is held against what the one before left', async t => {
  const { connection, run } = open('CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)')
  t.match(await run(['DELETE FROM a WHERE x = 1']), [{ table: 'a', rows: 1 }])
  t.strictSame(await run(['INSERT INTO a VALUES (3)']), [])
  await t.rejects(run(['fail']), { message: /syntax error/ })
  connection.close()
})

t.test('what was made in the run is guarded too: a row of it that goes while another comes is a loss', async t => {
  for (const work of [
    ['DELETE FROM a WHERE x = 1', 'INSERT INTO a VALUES (3)'],
    ['DROP TABLE a', 'CREATE TABLE a (x)', 'INSERT INTO a VALUES (3), (4)'],
  ]) {
    const { connection, run, finish } = open('')
    t.strictSame(await run(['CREATE TABLE a (x)', 'INSERT INTO a VALUES (1), (2)']), [])
    t.strictSame(await run(['INSERT INTO a VALUES (5)', 'DELETE FROM a WHERE x = 5']), [], 'one of its own may go')
    t.strictSame(await run(work), [])
    t.match(await finish(), [{ table: 'a', text: /^. rows? of a (is|are) gone/ }])
    connection.close()
  }
})

t.test('what one migration announced and left the next one has to keep, unless it announces it as well', async t => {
  const replaced = ['DROP TABLE a', 'CREATE TABLE a (x PRIMARY KEY)', 'INSERT INTO a VALUES (5), (6)']
  for (const first of [[], ['DELETE FROM a WHERE x = 1']])
    for (const announced of [[], ['A']]) {
      const { connection, run, finish } = open('CREATE TABLE a (x PRIMARY KEY); INSERT INTO a VALUES (1), (2), (3)')
      await run([...first, 'INSERT INTO a VALUES (4)'], ['a'])
      await run(['UPDATE a SET x = 9 WHERE x = 2'])
      await run([...replaced, 'INSERT INTO a VALUES (7), (8)'], announced)
      t.equal((await finish()).length, announced.length === 0 ? 1 : 0)
      connection.close()
    }
})

t.test('a view that could be read and cannot any more is a loss, one that goes is none', async t => {
  const away = [
    'ALTER TABLE parents RENAME TO elders',
    'CREATE TABLE parents (id)',
    'INSERT INTO parents SELECT id FROM elders',
    'DROP TABLE elders',
  ]
  t.match(await losses(away, ['elders']), [
    /breaks? the foreign key/,
    /^the view v can no longer be read: no such table: main.elders$/,
  ])
  t.strictSame(await losses(['DROP VIEW v', 'CREATE VIEW w AS SELECT x FROM gone']), [])
})

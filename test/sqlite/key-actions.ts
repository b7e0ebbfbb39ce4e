import Database from 'better-sqlite3'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { runPlain } from '../../src/engine.ts'
import { createHandle } from '../../src/sqlite/bridge/handle.ts'
import { connectHandle } from '../../src/sqlite/bridge/sequelize.ts'
import type { SqliteHook } from '../../src/sqlite/bridge/session.ts'
import { withKeyActions } from '../../src/sqlite/key-actions.ts'

const open = (t: Pick<Test, 'teardown'>, sql: string, around: SqliteHook = runPlain) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.pragma('foreign_keys = OFF')
  connection.exec(sql)
  connection.exec('BEGIN')
  const sequelize = connectHandle(createHandle(connection), withKeyActions(connection, around))
  const all = (query: string) => connection.prepare(query).raw().all()
  return { connection, all, run: async (statement: string) => void (await sequelize.query(statement)) }
}

const action = fc.constantFrom('CASCADE', 'SET NULL', 'SET DEFAULT')
const number = fc.integer({ min: 1, max: 5 })
const key = fc.record({ onDelete: action, onUpdate: action })
const statement = fc.oneof(
  fc.record({ table: fc.constantFrom('a', 'b', 'c'), id: number, to: fc.constant(null) }),
  fc.record({ table: fc.constantFrom('a', 'b', 'c'), id: number, to: number }),
)

t.test('actions do what SQLite does with foreign keys on', async t => {
  const schemaOf = (keys: readonly { onDelete: string; onUpdate: string }[], type: string) => {
    const [first, second, third, fourth] = keys.map(
      ({ onDelete, onUpdate }) => `ON DELETE ${onDelete} ON UPDATE ${onUpdate}`,
    )
    return `CREATE TABLE a (id ${type} PRIMARY KEY, code INT, UNIQUE (id, code));
      CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INT DEFAULT 1 REFERENCES A ${first}, up REFERENCES b (ID) ${second});
      CREATE TABLE c (id INTEGER PRIMARY KEY, b_id DEFAULT 1 REFERENCES b (id) ${third}, a_id, code,
        FOREIGN KEY (a_id, code) REFERENCES a (id, code) ${fourth});
      INSERT INTO a VALUES (1, 1), (2, 2), (3, 3), (4, 4); INSERT INTO b VALUES (1, 1, NULL), (2, 2, 1), (3, 2, 2), (4, 3, 4);
      INSERT INTO c VALUES (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 2, 2), (4, 4, 3, 3)`
  }
  let compared = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(key, { minLength: 4, maxLength: 4 }),
      fc.constantFrom('INTEGER', 'TEXT'),
      fc.array(statement, { minLength: 1, maxLength: 6 }),
      async (keys, type, statements) => {
        const closing: (() => unknown)[] = []
        const ours = open({ teardown: (work: () => unknown) => closing.push(work) } as never, schemaOf(keys, type))
        const native = new Database(':memory:')
        native.exec(`PRAGMA foreign_keys = ON; ${schemaOf(keys, type)}`)
        try {
          for (const { table, id, to } of statements) {
            const sql =
              to === null ? `DELETE FROM ${table} WHERE id = ${id}` : `UPDATE ${table} SET id = ${to} WHERE id = ${id}`
            try {
              native.exec(sql)
            } catch {
              // a key that is taken, or a default that is no parent: from here on the two are not to be compared
              return
            }
            await ours.run(sql)
            compared += 1
            for (const name of ['a', 'b', 'c']) {
              const query = `SELECT * FROM ${name} ORDER BY 1`
              const [is, shall] = [ours.all(query), native.prepare(query).raw().all()].map(rows => JSON.stringify(rows))
              if (is !== shall) throw new Error(`${sql}: ${name} is ${is}, with foreign keys on ${shall}`)
            }
          }
        } finally {
          native.close()
          for (const close of closing) close()
        }
      },
    ),
    { numRuns: 150, includeErrorInReport: true },
  )
  t.ok(compared > 100, `${compared} statements`)
})

const parents = `CREATE TABLE p (id TEXT PRIMARY KEY, name TEXT UNIQUE); CREATE TABLE c (id INTEGER PRIMARY KEY, p TEXT NOT NULL REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
  INSERT INTO p VALUES ('a', 'A'), ('b', 'B'); INSERT INTO c VALUES (1, 'a'), (2, 'b')`

t.test('children are compared by affinity and collation of the parent, as SQLite compares them', async t => {
  const types = ['', 'INTEGER', 'TEXT', 'TEXT COLLATE NOCASE', 'REAL'] as const
  const values = ["'a'", "'A'", "'1'", '1', "'01'", "x'31'"]
  for (const parent of types)
    for (const child of types)
      for (const action of ['CASCADE', 'SET NULL'])
        for (const sql of ['DELETE FROM p WHERE rowid = 1', "UPDATE p SET id = 'new' WHERE rowid = 1"]) {
          const schema = `CREATE TABLE p (id ${parent}, UNIQUE (id));
            CREATE TABLE c (n INTEGER PRIMARY KEY, p ${child} REFERENCES p (id) ON DELETE ${action} ON UPDATE ${action});
            ${values.map(value => `INSERT OR IGNORE INTO p VALUES (${value}); INSERT INTO c (p) VALUES (${value});`).join('\n')}`
          const ours = open(t, schema)
          const native = new Database(':memory:')
          native.exec(`PRAGMA foreign_keys = OFF; ${schema}; PRAGMA foreign_keys = ON; ${sql}`)
          await ours.run(sql)
          const read = 'SELECT n, p FROM c'
          t.strictSame(ours.all(read), native.prepare(read).raw().all(), `${parent} <- ${child}, ${action}: ${sql}`)
          native.close()
        }
})

t.test('each action is a statement of the migration, which is seen as others are', async t => {
  const seen: string[] = []
  const around: SqliteHook = (asked, execute) => {
    const result = execute()
    seen.push(`${asked.sql}: ${result.changes}`)
    return result
  }
  const { run } = open(t, parents, around)
  await run("DELETE FROM p WHERE id = 'a'")
  await run("UPDATE p SET id = 'x'")
  t.strictSame(seen, [
    `DELETE FROM "c" WHERE ("p") IN (VALUES ('a')): 1`,
    "DELETE FROM p WHERE id = 'a': 1",
    `UPDATE "c" SET ("p") = ('x') WHERE ("p") IN (VALUES ('b')): 1`,
    "UPDATE p SET id = 'x': 1",
  ])
})

t.test('a row that is replaced by one of the same key is not gone', async t => {
  const { all, connection, run } = open(t, parents)
  connection.pragma('recursive_triggers = ON')
  await run("REPLACE INTO p VALUES ('a', 'other')")
  t.strictSame(all('SELECT p FROM c'), [['a'], ['b']])
  await run("REPLACE INTO p VALUES ('new', 'B')")
  t.strictSame(all('SELECT p FROM c'), [['a']])
})

t.test('what cannot act fails its statement with the key, and nothing of it is left', async t => {
  const { all, run } = open(t, parents.replace('ON DELETE CASCADE', 'ON DELETE SET NULL'))
  await t.rejects(run('DELETE FROM p'), {
    message: /foreign key of c \(p\) to p cannot act: NOT NULL constraint failed: c\.p/,
  })
  t.strictSame(all('SELECT id FROM p'), [['a'], ['b']])
})

t.test('a statement that ends the transaction is told as it is', async t => {
  const { connection, run } = open(
    t,
    `${parents}; CREATE TRIGGER e BEFORE DELETE ON p BEGIN SELECT RAISE(ROLLBACK, 'no'); END`,
  )
  const failed = await run('DELETE FROM p').catch(error => error)
  t.match(failed, { parent: { message: 'no' } })
  t.equal(connection.inTransaction, false)
})

t.test('tables are altered and dropped as if nobody watched them, and those made since are watched', async t => {
  const { all, run } = open(t, parents)
  for (const sql of [
    "UPDATE p SET id = 'z' WHERE id = 'a'",
    'ALTER TABLE p RENAME COLUMN id TO key',
    'ALTER TABLE p RENAME TO q',
    "INSERT INTO q VALUES ('n', 'N')",
    'SAVEPOINT s',
    "DELETE FROM q WHERE key = 'b'",
    'ROLLBACK TO s',
    'CREATE TABLE d (q REFERENCES q ON DELETE SET NULL)',
    "INSERT INTO d VALUES ('n'), ('z')",
    'DROP TABLE c',
    "DELETE FROM q WHERE key = 'n'",
  ])
    await run(sql)
  t.strictSame(all('SELECT q FROM d'), [[null], ['z']])
  t.strictSame(all('SELECT key FROM q ORDER BY key'), [['b'], ['z']])
})

t.test('without foreign keys, and with those of one action, nothing else is set off', async t => {
  const none = open(t, 'CREATE TABLE a (x); INSERT INTO a VALUES (1)')
  await none.run('DELETE FROM a')
  const { all, run } = open(t, parents.replace('ON DELETE CASCADE', ''))
  await run("UPDATE p SET id = 'x' WHERE id = 'a'")
  await run("DELETE FROM p WHERE id = 'b'")
  t.strictSame(all('SELECT p FROM c'), [['x'], ['b']])
})

t.test('a foreign key to what is not there has nothing to act on', async t => {
  const { all, run } = open(
    t,
    'CREATE TABLE c (x REFERENCES absent ON DELETE CASCADE, y REFERENCES c (z) ON DELETE CASCADE); INSERT INTO c VALUES (1, 1)',
  )
  await run('DELETE FROM c')
  t.strictSame(all('SELECT * FROM c'), [])
})

import { statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { requireSpaceToCommit, rewrittenTables, sizeOfTable } from '../../src/sqlite/space.ts'
import { withMount } from '../help/mount.ts'

const skip = process.getuid?.() !== 0 && 'needs root, to mount'
const fill = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) INSERT INTO a SELECT hex(randomblob(50)) FROM n`

for (const [mode, refused] of [
  ['wal', true],
  ['delete', false],
] as const) {
  t.test(
    `a transaction that leaves no room to put it into the database is refused (${mode}: ${refused})`,
    { skip },
    async t => {
      const data = join(t.testdir({ data: {} }), 'data')
      await withMount(data, ['-t', 'tmpfs', '-o', 'size=2m', 'none'], () => {
        const connection = openDatabase(join(data, 'x.db'))
        connection.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE a (x)`)
        connection.exec(`BEGIN IMMEDIATE; ${fill}`)
        requireSpaceToCommit(connection, false)
        const { bavail, bsize } = statfsSync(data)
        writeFileSync(join(data, 'filler'), Buffer.alloc(bavail * bsize - 200_000))
        if (refused)
          t.throws(() => requireSpaceToCommit(connection, false), {
            code: 'DISK_FULL',
            message: /the database takes in/,
          })
        else requireSpaceToCommit(connection, false)
        connection.close()
      })
    },
  )
}

t.test('one that changes what is there needs no more room', async t => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  connection.exec(
    `PRAGMA journal_mode = WAL; CREATE TABLE a (x); ${fill}; PRAGMA wal_checkpoint; BEGIN IMMEDIATE; DELETE FROM a`,
  )
  requireSpaceToCommit(connection, false)
  connection.close()
})

t.test('beside a clone it does, for what it writes over takes new blocks', { skip }, async t => {
  const data = join(t.testdir({ data: {} }), 'data')
  await withMount(data, ['-t', 'tmpfs', '-o', 'size=2m', 'none'], () => {
    const connection = openDatabase(join(data, 'x.db'))
    connection.exec(`PRAGMA journal_mode = WAL; CREATE TABLE a (x); ${fill}; PRAGMA wal_checkpoint(TRUNCATE)`)
    connection.exec("BEGIN IMMEDIATE; UPDATE a SET x = replace(x, 'A', 'B')")
    const { bavail, bsize } = statfsSync(data)
    writeFileSync(join(data, 'filler'), Buffer.alloc(bavail * bsize - 200_000))
    requireSpaceToCommit(connection, false)
    t.throws(() => requireSpaceToCommit(connection, true), { code: 'DISK_FULL', message: /the database takes in/ })
    connection.close()
  })
})

const tablesOf = (...texts: readonly string[]) => rewrittenTables(texts)

t.test('the tables that the text of a migration writes anew are told, each once', async t => {
  t.strictSame(tablesOf("await schema.rebuildTable('servers', 'CREATE TABLE …')"), ['servers'])
  t.strictSame(tablesOf('await schema.changeColumn(\n  "metrics", "x", {})', "schema.addConstraint('metrics', {})"), [
    'metrics',
  ])
  t.strictSame(tablesOf("schema.backfill('UPDATE a SET x = 1 WHERE id BETWEEN $first AND $last', { table: 'a' })"), [
    'a',
  ])
  t.strictSame(tablesOf("query('UPDATE `b` SET x = 1')"), ['b'])
  t.strictSame(tablesOf('update or ignore c\nset x = 1;', '-- to update this.\nALTER TABLE c ADD x;'), ['c'])
})

t.test('where a text does not say which table, it may be any', async t => {
  t.strictSame(tablesOf('await schema.rebuildTable(table, sql)'), [undefined])
})

t.test('what makes, drops or renames writes no table anew', async t => {
  t.strictSame(tablesOf("schema.createTable('a', {}); schema.addColumn('a', 'b', {}); schema.dropTable('a')"), [])
})

t.test('the size of a table is that of its pages and of its indexes, and of all where it is not said', async t => {
  const connection = new Database(join(t.testdir(), 'x.db'))
  connection.exec(`CREATE TABLE a (x); CREATE INDEX i ON a (x); CREATE TABLE b (x);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) INSERT INTO a SELECT hex(randomblob(50)) FROM n`)
  const [a, b, all] = ['a', 'b', undefined].map(table => sizeOfTable(connection, table))
  t.ok(Number(a) > 200_000)
  t.equal(b, 4096)
  t.equal(all, Number(a) + Number(b))
  t.equal(sizeOfTable(connection, 'none'), 0)
  connection.close()
})

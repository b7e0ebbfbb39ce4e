import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import type { Log } from '../../src/log.ts'
import { openDatabase } from '../../src/sqlite/connect.ts'
import { migratableOn, transactionOf, withDatabase } from '../../src/sqlite/transaction.ts'
import { parseMounts } from '../../src/volume/mounts.ts'
import { makeContext } from '../help/context.ts'

/** A context in a folder that the mount table says is on this filesystem, and a transaction on its database. */
const prepare = async (folder: string, filesystem: string, readyFile?: string) => {
  const connection = openDatabase(join(folder, 'homelab.db'))
  connection.exec('CREATE TABLE a (x)')
  const context = await makeContext(folder)
  const warnings: string[] = []
  const warn: Log['warn'] = (...[event, message]) => void warnings.push(`${event}: ${message}`)
  const mounts = parseMounts(`1 0 0:1 / ${folder} rw - ${filesystem} source rw`)
  const on = {
    ...context,
    config: { ...context.config, readyFile: readyFile ?? context.config.readyFile },
    log: { ...context.log, warn },
    host: { ...context.host, mounts },
  }
  return { connection, warnings, transaction: transactionOf(on, connection, async () => undefined) }
}

t.test('what is tried out leaves nothing behind, and on a local disk no word', async t => {
  const folder = t.testdir()
  const { connection, transaction, warnings } = await prepare(folder, 'ext4')
  await transaction.probe()
  t.strictSame(readdirSync(folder), ['homelab.db'])
  t.strictSame(warnings, [])
  connection.close()
})

t.test('on a shared filesystem locks are tried out, and a warning says so', async t => {
  const { connection, transaction, warnings } = await prepare(t.testdir(), 'nfs4')
  connection.exec('BEGIN IMMEDIATE')
  await transaction.probe()
  t.match(warnings, [/^volume\.shared: .* is on nfs4: locks hold there now/])
  connection.exec('ROLLBACK')
  await t.rejects(transaction.probe(), { code: 'FILESYSTEM_UNSUITABLE' }, 'nobody holds the lock')
  connection.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE')
  await transaction.probe()
  t.match(warnings.at(-1), /its database is in WAL mode/)
  connection.close()
})

t.test('the work has the database alone, in one transaction, which is kept; or undone where it throws', async t => {
  const folder = t.testdir()
  const [file, context] = [join(folder, 'x.db'), await makeContext(folder)]
  const other = new Database(file, { timeout: 0 })
  t.equal(
    await withDatabase(context, file, async ({ connection }) => {
      connection.exec('CREATE TABLE a (x)')
      t.throws(() => other.exec('BEGIN IMMEDIATE'), { code: 'SQLITE_BUSY' })
      return 'done'
    }),
    'done',
  )
  const failing = withDatabase(context, file, async ({ connection }) => {
    connection.exec('CREATE TABLE b (x)')
    throw new Error('out of luck')
  })
  await t.rejects(failing, { message: 'out of luck' })
  t.strictSame(other.prepare('SELECT name FROM sqlite_schema').pluck().all(), ['a'])
  other.close()
})

for (const sql of [
  'PRAGMA foreign_keys = ON',
  'pragma  main.foreign_keys(0)',
  '-- x\nPRAGMA writable_schema=1',
  'PRAGMA journal_mode = DELETE',
  'PRAGMA locking_mode=EXCLUSIVE',
  "ATTACH 'other.db' AS other",
  'DETACH other',
  // quick_check would call rows that break a CHECK damage
  'PRAGMA ignore_check_constraints = ON',
  'DROP TABLE temp."migrator lives"',
  'delete from [Migrator deletes]',
  "DROP TRIGGER 'migrator deletes 1'",
  "INSERT INTO `migrator moves` VALUES (1, '1', '2')",
  "UPDATE OR IGNORE 'migrator deletes' SET life = -1",
  "UPDATE OR REPLACE 'migrator history' SET written = 2",
  "ALTER TABLE x RENAME TO 'migrator history'",
  "CREATE VIEW 'migrator deletes' AS SELECT 1",
]) {
  t.test(`${JSON.stringify(sql)} is not for migrations`, async t => {
    const connection = new Database(':memory:')
    t.match(migratableOn(connection).refusal(sql), /is not for migrations|are reserved/)
    connection.close()
  })
}

t.test('what only reads such a setting, or speaks of it, is for migrations', async t => {
  const connection = new Database(':memory:')
  const { refusal } = migratableOn(connection)
  for (const sql of ['SELECT 1', 'PRAGMA table_info(a)', 'PRAGMA foreign_keys', "SELECT 'ATTACH'"])
    t.equal(refusal(sql), undefined, sql)
  for (const sql of ["INSERT INTO a VALUES ('migrator lives')", 'CREATE TABLE "migrator notes" (x)'])
    t.equal(refusal(sql), undefined, sql)
  connection.close()
})

t.test('what a migration sets for its own statements is as before for the next one', async t => {
  const connection = new Database(':memory:')
  const { refuseUnfinished } = migratableOn(connection)
  connection.exec(
    'PRAGMA legacy_alter_table = ON; PRAGMA case_sensitive_like = ON; PRAGMA reverse_unordered_selects = ON',
  )
  await refuseUnfinished()
  const now = ['legacy_alter_table', 'reverse_unordered_selects'].map(name => connection.pragma(name, { simple: true }))
  t.strictSame(now, [0, 0])
  t.equal(connection.prepare("SELECT 'A' LIKE 'a'").pluck().get(), 1)
  connection.close()
})

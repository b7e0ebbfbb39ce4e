import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { makeMigrated } from '../help/migrated.ts'
import { dump, runProgram, settingsFor, spawnProgram } from '../help/program.ts'

const backUp = (folder: string, more: Readonly<Record<string, string>> = {}) =>
  runProgram(['backup'], settingsFor(folder, more))

t.test('it prints the path of a backup that is the database, and says how long it took', async t => {
  const { folder, file, connection } = await makeMigrated(t)
  connection.exec("INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan')")
  const { exitCode, stdout, events } = await backUp(folder)
  t.equal(exitCode, 0)
  t.match(stdout, /\/backups\/homelab--0003-add-os-info-\d{8}T\d{6}Z\.db\n$/)
  t.equal(dump(stdout.trim()), dump(file))
  t.match(events, [{ event: 'backup.made', file: stdout.trim(), bytes: Number, milliseconds: Number }])
})

t.test('what cannot be checked, since only the hub can read it, is told, and the backup is made', async t => {
  const { folder, file, connection } = await makeMigrated(t)
  connection.unsafeMode(true)
  connection.exec(`CREATE TABLE theirs (x COLLATE NOCASE); CREATE INDEX i ON theirs (x); PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'german') WHERE name = 'theirs'`)
  connection.close()
  const told = [{ event: 'check.incomplete', file, unchecked: [/^table theirs: no such collation/] }]
  const events = async (run: typeof runProgram, words: readonly string[]) => {
    const outcome = await run(words, settingsFor(folder))
    t.equal(outcome.exitCode, 0, outcome.stderr)
    return outcome.events.filter(({ event }) => event === 'check.incomplete')
  }
  for (const run of [runProgram, spawnProgram]) t.match(await events(run, ['backup']), told)
  t.match(await events(runProgram, ['verify']), told)
})

t.test('a name that another run takes at that moment is left to it, and the next one is used', async t => {
  const { folder, connection } = await makeMigrated(t)
  connection.close()
  const preload = join(folder, 'preload.cjs')
  const patch = `const fs = require('fs')
    const { linkSync } = fs
    fs.linkSync = (from, to) => {
      if (!globalThis.taken) fs.writeFileSync(globalThis.taken = to, 'theirs')
      linkSync(from, to)
    }`
  writeFileSync(preload, patch)
  const outcome = await spawnProgram(['backup'], settingsFor(folder, { NODE_OPTIONS: `--require ${preload}` }))
  t.equal(outcome.exitCode, 0, outcome.stderr)
  const [theirs, ours] = readdirSync(join(folder, 'backups')).map(name => join(folder, 'backups', name))
  t.equal(readFileSync(String(theirs), 'utf8'), 'theirs')
  t.strictSame([outcome.stdout, dump(String(ours))], [`${ours}\n`, dump(join(folder, 'homelab.db'))])
})

t.test('only so many are kept', async t => {
  const { folder, connection } = await makeMigrated(t)
  connection.close()
  for (let made = 0; made < 3; made += 1) await backUp(folder, { MIGRATOR_BACKUP_KEEP: '2' })
  t.equal(readdirSync(join(folder, 'backups')).length, 2)
})

t.test('a writer in WAL mode does not wait for it, nor it for a writer', async t => {
  const { folder, connection } = await makeMigrated(t)
  connection.exec("BEGIN IMMEDIATE; INSERT INTO servers (id, hostname) VALUES ('not', 'yet')")
  const { exitCode, stdout } = await backUp(folder, { MIGRATOR_LOCK_TIMEOUT: '0' })
  connection.exec('COMMIT')
  t.equal(exitCode, 0)
  const copy = new Database(stdout.trim())
  t.equal(copy.prepare('SELECT count(*) FROM servers').pluck().get(), 0)
  copy.close()
})

t.test('in rollback-journal mode it waits for a writer that commits, up to the timeout', async t => {
  const { folder, connection } = await makeMigrated(t)
  connection.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
  t.match(await backUp(folder, { MIGRATOR_LOCK_TIMEOUT: '0' }), { exitCode: 20, failure: 'DATABASE_BUSY' })
})

t.test('a database that nothing was applied to has no migration in the name of its backup', async t => {
  const folder = t.testdir()
  const connection = new Database(join(folder, 'homelab.db'))
  connection.exec('CREATE TABLE theirs (x)')
  connection.close()
  t.match(await backUp(folder), { exitCode: 0, stdout: /homelab--empty-/ })
})

t.test('without a database there is nothing to back up', async t => {
  const folder = t.testdir()
  t.match(await backUp(folder), { exitCode: 2, failure: 'CONFIG_INVALID' })
  t.strictSame(readdirSync(folder), [])
})

t.test('a damaged one is refused, and leaves no backup', async t => {
  const { folder, file, connection } = await makeMigrated(t)
  connection.close()
  truncateSync(file, 5 * 4096)
  t.match(await backUp(folder), { exitCode: 30, failure: 'DATABASE_DAMAGED' })
  t.equal(existsSync(join(folder, 'backups')), false)
})

t.test('MIGRATOR_CHECK=always reads the copy with integrity_check', async t => {
  const { folder, file, connection } = await makeMigrated(t)
  connection.exec(
    "INSERT INTO servers (id, hostname) VALUES ('a', 'a.lan'); INSERT INTO metrics (server_id, timestamp) VALUES ('a', 1)",
  )
  connection.close()
  const spoiler = new Database(file)
  spoiler.unsafeMode(true)
  const index = spoiler
    .prepare("SELECT * FROM sqlite_schema WHERE name = 'idx_metrics_server_timestamp'")
    .get() as Record<string, unknown>
  spoiler.exec("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'idx_metrics_server_timestamp'")
  spoiler.close()
  const writer = new Database(file)
  writer.unsafeMode(true)
  writer.exec('UPDATE metrics SET timestamp = 2; PRAGMA writable_schema = ON')
  writer.prepare('INSERT INTO sqlite_schema VALUES (@type, @name, @tbl_name, @rootpage, @sql)').run(index)
  writer.close()
  t.match(await backUp(folder), { exitCode: 0 }, 'quick_check does not see it')
  t.match(await backUp(folder, { MIGRATOR_CHECK: 'always' }), { exitCode: 30, stderr: /missing from index/ })
})

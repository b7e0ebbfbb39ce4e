/** What an author who writes SQL alone does, from an empty folder to a verified database. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { up } from '../../src/commands/up.ts'
import { lint } from '../../src/lint/lint.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { idleLimit } from '../../src/migrations/run.ts'
import { makeContext } from '../help/context.ts'
import { dump, runProgram, settingsFor } from '../help/program.ts'

const begin = (t: Pick<Test, 'testdir'>) => {
  const folder = t.testdir({ data: {} })
  const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  const file = join(folder, 'data/homelab.db')
  const query = (sql: string) => {
    const connection = new Database(file)
    try {
      return connection.prepare(sql).all()
    } finally {
      connection.close()
    }
  }
  return {
    file,
    query,
    run: (...words: string[]) => runProgram(words, settings),
    write: (name: string, text: string) => writeFileSync(join(folder, 'migrations', name), text),
    read: (name: string) => readFileSync(join(folder, 'migrations', name), 'utf8'),
  }
}

const alerts = `-- What people are told; one that is over stays for a day.

-- migrate:up
CREATE TABLE alerts (id INTEGER PRIMARY KEY, text TEXT NOT NULL DEFAULT '', seen INTEGER NOT NULL DEFAULT 0);
CREATE TABLE seen_alerts (alert INTEGER NOT NULL REFERENCES alerts (id), at TEXT NOT NULL);
CREATE TRIGGER alert_seen AFTER UPDATE OF seen ON alerts BEGIN
  INSERT INTO seen_alerts VALUES (new.id, CASE new.seen WHEN 1 THEN 'now; or so' END); -- END;
END;
INSERT INTO alerts (text) VALUES ('a; b'), ('it''s'), ('-- migrate:down');

-- migrate:down
DROP TABLE seen_alerts;
DROP TABLE alerts;
`

t.test('a migration in SQL is made, linted, planned, applied, verified and taken back as others are', async t => {
  const { file, query, read, run, write } = begin(t)
  t.match(await run('create', '--sql', 'create-alerts'), { exitCode: 0, stdout: /0001-create-alerts\.sql\n$/ })
  t.match(read('0001-create-alerts.sql'), /^-- migrate:up$/m)
  write('0001-create-alerts.sql', alerts)
  t.match(await run('lint'), { exitCode: 0, stdout: '0 errors, 0 warnings in 1 migration\n' })
  const planned = await run('plan')
  t.match(planned, { exitCode: 0, stdout: /INSERT INTO alerts .*; {2}-- 3 rows/ })
  t.match(planned.stdout, /\+ trigger +alert_seen/)
  t.match(await run(), { exitCode: 0, events: [{ name: '0001-create-alerts' }, { event: 'up.done' }] })
  t.strictSame(query('SELECT text FROM alerts'), [{ text: 'a; b' }, { text: "it's" }, { text: '-- migrate:down' }])
  query('UPDATE alerts SET seen = 1 WHERE id = 1 RETURNING id')
  t.strictSame(query('SELECT * FROM seen_alerts'), [{ alert: 1, at: 'now; or so' }])
  t.match(await run('verify'), { exitCode: 0 })
  t.match(query('SELECT name, checksum FROM SequelizeMeta'), [{ name: '0001-create-alerts', checksum: /^sha256:/ }])
  t.match(await run('create', 'add-levels'), { stdout: /0002-add-levels\.sql\n$/ }, 'the next one is in SQL, too')
  const before = dump(file)
  t.match(await run(), { exitCode: 2, stderr: /0002-add-levels\.sql:3 has no statement below/ })
  write('0002-add-levels.sql', "-- migrate:up\nALTER TABLE alerts ADD COLUMN level TEXT DEFAULT 'low';\n")
  t.match(await run('up', '--to', '0001-create-alerts'), { exitCode: 0 })
  t.equal(dump(file), before)
  t.match(await run(), { exitCode: 0 })
  t.match(await run('down', '--yes'), { exitCode: 2, stderr: /0002-add-levels/ }, 'it has no part for down')
})

t.test('rows that go by SQL are announced in it, or nothing is changed', async t => {
  const { file, query, run, write } = begin(t)
  await run('create', '--sql', 'create-alerts')
  write('0001-create-alerts.sql', alerts)
  await run()
  const before = dump(file)
  const text = '-- migrate:up\nDELETE FROM alerts WHERE id = 2;\n'
  write('0002-drop-old.sql', text)
  t.match(await run(), { exitCode: 40, stderr: /alerts had 3 rows and has 2.*-- removes-rows: TABLE/ })
  t.match(await run('lint', '0002-drop-old'), { exitCode: 2, stdout: /DELETE FROM alerts/ })
  t.equal(dump(file), before)
  write('0002-drop-old.sql', `-- removes-rows: alerts\n${text}`)
  t.match(await run(), { exitCode: 0 })
  t.match(query('SELECT count(*) AS rows FROM alerts'), [{ rows: 2 }])
})

for (const [title, statement, message] of [
  ['a statement that SQLite refuses', 'ALTER TABLE alerts ADD COLUMN text TEXT;', /duplicate column name: text/],
  ['a string without an end', "INSERT INTO alerts (text) VALUES ('a;", /unrecognized token/],
  ['a trigger without an end', 'CREATE TRIGGER a AFTER INSERT ON alerts BEGIN SELECT 1;', /incomplete input/],
  ['a COMMIT', 'COMMIT;', /no transaction or savepoint here/],
  ['a BEGIN without an end', 'BEGIN;', /it began a transaction and did not end it/],
  ['a command of the sqlite3 shell', '.read other.sql', /near "\."/],
] as const) {
  t.test(`${title} fails the migration, and what stood before it is taken back`, async t => {
    const second = `-- migrate:up\nUPDATE alerts SET text = 'x';\n\n  ${statement}\n`
    const folder = t.testdir({ data: {}, migrations: { '0001-create-alerts.sql': alerts, '0002-change.sql': second } })
    const data = join(folder, 'data')
    const context = await makeContext(data, { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
    await up(context, '0001-create-alerts')
    const before = dump(join(data, 'homelab.db'))
    await t.rejects(up(context, undefined), { code: 'MIGRATION_FAILED', message })
    t.equal(dump(join(data, 'homelab.db')), before)
  })
}

t.test('a finding is silenced by a comment in SQL, with its reason', async t => {
  const text = '-- migrate:up\nALTER TABLE alerts RENAME COLUMN seen TO was_seen;\n'
  const lintOf = async (second: string) => {
    const folder = t.testdir({ '0001-create-alerts.sql': alerts, '0002-rename-seen.sql': second })
    const signal = new AbortController().signal
    const linted = await lint(readMigrationFiles(folder), { version: '1.0.0', signal, idleLimit })
    return linted.flatMap(({ findings }) => findings.map(({ code }) => code))
  }
  t.strictSame(await lintOf(text), ['BC102'])
  t.strictSame(await lintOf(`-- lint-ok BC102: the hub goes with it\n${text}`), [])
  t.strictSame(await lintOf(`-- lint-ok BC102\n${text}`), ['BC102', 'HM901'])
})

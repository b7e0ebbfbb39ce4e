import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { runProgram, settingsFor } from '../help/program.ts'

/** A volume whose database somebody changed, and an empty folder of migrations. */
const prepare = (t: Test, sql: string) => {
  const folder = t.testdir({ data: {}, migrations: {} })
  const migrations = join(folder, 'migrations')
  const file = join(folder, 'data/homelab.db')
  const change = (text: string) => {
    const connection = new Database(file)
    connection.exec(text)
    connection.close()
  }
  if (sql !== '') change(sql)
  const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: migrations })
  const run = (...words: readonly string[]) => runProgram(words, settings)
  return { folder, migrations, run, change, settings }
}
const racks = `CREATE TABLE racks (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, site VARCHAR(20) DEFAULT 'home');
  CREATE INDEX by_site ON racks (site DESC);`

t.test('the first migration of a database that exists makes the same one, and is typed', async t => {
  const { folder, migrations, run } = prepare(t, racks)
  t.match(await run('diff', 'create-racks'), { exitCode: 0, stdout: `${migrations}/0001-create-racks.ts\n` })
  const text = readFileSync(join(migrations, '0001-create-racks.ts'), 'utf8')
  t.match(text, /^import type \{ Migration \} from 'homelab-migrator\/migration'\n/)
  t.match(
    text,
    'export const down: Migration = async ({ context: schema }) => {\n  await schema.runSql(`DROP TABLE racks`)\n}',
  )
  const fresh = settingsFor(join(folder, 'fresh'), { MIGRATOR_MIGRATIONS: migrations })
  t.match(await runProgram([], { ...fresh, MIGRATOR_REQUIRE_MOUNT: 'never' }), { exitCode: 10 })
  t.match(await run('adopt'), { exitCode: 0, stdout: /is at 0001-create-racks/ })
  t.match(await run('verify'), { exitCode: 20, stdout: /structure +passed/ })
})

t.test('no difference is said, nothing is written, and it ends with 0', async t => {
  const { migrations, run } = prepare(t, racks)
  await run('diff', 'create-racks')
  t.match(await run('diff', 'again'), { exitCode: 0, stdout: '', events: [{ event: 'diff.none' }] })
  t.strictSame(readdirSync(migrations), ['0001-create-racks.ts'])
})

t.test('what may lose rows, or fail because of them, is a comment to decide, and so is a rename', async t => {
  const { migrations, run, change } = prepare(t, racks)
  await run('diff', 'create-racks')
  change(
    `DROP TABLE racks; CREATE TABLE shelves (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, site TEXT)`,
  )
  await run('diff', 'move', '--sql')
  const moved = readFileSync(join(migrations, '0002-move.sql'), 'utf8')
  t.match(moved, '\n-- ALTER TABLE racks RENAME TO shelves;\n')
  t.match(moved, '\n-- DROP TABLE racks;\n')
  change(`DROP TABLE shelves; CREATE TABLE racks (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, place TEXT);
    CREATE UNIQUE INDEX one ON racks (id, name)`)
  await run('diff', 'more')
  const more = readFileSync(join(migrations, readdirSync(migrations).at(-1) ?? ''), 'utf8')
  t.match(more, '-- ALTER TABLE racks RENAME COLUMN site TO place;')
  t.match(more, '-- ALTER TABLE racks DROP COLUMN site;')
  t.match(more, '-- CREATE UNIQUE INDEX one ON racks (id, name);')
  t.notMatch(more, /^(?:DROP TABLE racks|CREATE UNIQUE INDEX one)/m)
})

t.test('a column that waits to be dropped may be NULL, since nobody has to write it any more', async t => {
  const { migrations, run, change } = prepare(t, racks)
  await run('diff', 'create-racks')
  for (const [name, more] of [
    ['drop-name', ''],
    ['drop-it-with-a-rebuild', ', CHECK (id > 0)'],
  ] as const) {
    change(`DROP TABLE racks; CREATE TABLE racks (id INTEGER PRIMARY KEY AUTOINCREMENT, site VARCHAR(20)${more})`)
    t.match(await run('diff', name), { exitCode: 0, events: [{ event: 'diff.written' }] })
    const file = join(migrations, `0002-${name}.ts`)
    const text = readFileSync(file, 'utf8')
    t.match(text, '// await schema.runSql(`ALTER TABLE racks DROP COLUMN name`)')
    t.match(text, /name TEXT,/)
    t.match(
      text,
      /^\/\/ lint-ok HM101: what differs from the database: up rebuilds racks and loses NOT NULL of column racks\.name/m,
    )
    t.match(await run('lint', '2'), { exitCode: 0 })
    rmSync(file)
  }
})

t.test('a foreign key keeps its name, wherever it is declared', async t => {
  const keys = `CREATE TABLE racks (id INTEGER PRIMARY KEY); CREATE TABLE shelves (id INTEGER PRIMARY KEY,
    rack INTEGER CONSTRAINT of_rack REFERENCES racks (id), other INTEGER, CONSTRAINT of_other FOREIGN KEY (other) REFERENCES racks (id));`
  const { migrations, run, change } = prepare(t, keys)
  const text = (name: string) => readFileSync(join(migrations, name), 'utf8')
  await run('diff', 'create-racks')
  t.match(text('0001-create-racks.ts'), /CONSTRAINT of_other FOREIGN KEY[\s\S]*CONSTRAINT of_rack FOREIGN KEY/)
  change('ALTER TABLE shelves ADD COLUMN third INTEGER CONSTRAINT of_third REFERENCES racks (id)')
  await run('diff', 'add-third')
  t.match(text('0002-add-third.ts'), 'ADD COLUMN third INTEGER CONSTRAINT of_third REFERENCES racks (id)')
  change('ALTER TABLE shelves ADD CONSTRAINT few CHECK (id < 9)')
  await run('diff', 'add-few')
  t.match(text('0003-add-few.ts'), /CONSTRAINT few CHECK(?=[\s\S]*of_rack)(?=[\s\S]*of_other)(?=[\s\S]*of_third)/)
})

t.test('without a database it is refused with 2, without a server with 10, and nothing is written', async t => {
  const { migrations, run, settings } = prepare(t, '')
  t.match(await run('diff', 'x'), { exitCode: 2, stderr: /there is no database .*DATABASE_URL.*--models FILE/ })
  const server = { ...settings, DATABASE_URL: 'postgres://a@127.0.0.1:1/b' }
  t.match(await runProgram(['diff', 'x'], server), { exitCode: 10, failure: 'DATABASE_UNREACHABLE' })
  t.match(await run('diff', 'Not A Name', '--models', 'x'), { exitCode: 2 })
  t.strictSame(readdirSync(migrations), [])
})

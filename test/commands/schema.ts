import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { readSchema } from '../../src/sqlite/schema/read.ts'
import { makeDatabase } from '../help/alembic.ts'
import { withMount } from '../help/mount.ts'
import { runProgram, settingsFor, spawnProgram } from '../help/program.ts'

const shown = async (folder: string, ...words: readonly string[]) => {
  const { exitCode, stderr, stdout } = await runProgram(['schema', ...words], settingsFor(folder))
  t.strictSame([exitCode, stderr], [0, ''])
  return stdout
}

t.test('it is shown as a document, and nothing is written', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  t.match(
    await shown(folder, '--format', 'markdown'),
    /^# Schema\n\nAt migration `0003-add-os-info`[\s\S]*\n## servers\n/,
  )
  t.strictSame(readdirSync(folder).sort(), ['.ready', 'homelab.db'])
})

t.test('the SQL makes the same structure again, whatever is in it', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const file = makeDatabase(
    folder,
    `CREATE VIEW a_view AS SELECT id FROM servers; CREATE TABLE z (x INTEGER PRIMARY KEY AUTOINCREMENT, y UNIQUE REFERENCES z);
     CREATE TRIGGER a_trigger INSTEAD OF INSERT ON a_view BEGIN INSERT INTO z VALUES (NULL, NULL); END;
     CREATE VIRTUAL TABLE words USING fts5(word); CREATE INDEX "a index" ON z (y) WHERE y > 0; INSERT INTO z VALUES (1, NULL)`,
  )
  const [source, copy] = [new Database(file, { readonly: true }), new Database(':memory:')]
  copy.exec(await shown(folder))
  t.strictSame(readSchema(copy), readSchema(source))
  t.equal(await shown(folder, '--format', 'sql'), await shown(folder))
  source.close()
  copy.close()
})

t.test('the JSON is the structure, with the migration that it is at', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const connection = new Database(join(folder, 'homelab.db'), { readonly: true })
  const structure = readSchema(connection)
  connection.close()
  for (const words of [['--json'], ['--format', 'json']])
    t.strictSame(JSON.parse(await shown(folder, ...words)), {
      database: join(folder, 'homelab.db'),
      schema: '0003-add-os-info',
      ...structure,
    })
})

t.test('a database of another tool is shown as it is, at no migration', async t => {
  const folder = t.testdir()
  makeDatabase(folder, 'CREATE TABLE theirs (x INT)')
  t.equal(await shown(folder), 'CREATE TABLE theirs (x INT);\n')
  t.equal(await shown(folder, '--format', 'mermaid'), 'erDiagram\n  "theirs" {\n    INT x\n  }\n')
  t.match(JSON.parse(await shown(folder, '--json')), { schema: null, tables: [{ name: 'theirs' }] })
  t.strictSame(readdirSync(folder), ['homelab.db'])
})

t.test('where there is no database it is refused with 2, and none is made', async t => {
  const folder = t.testdir()
  const outcome = await runProgram(['schema'], settingsFor(folder))
  t.match(outcome, { exitCode: 2, failure: 'CONFIG_INVALID', stdout: '' })
  t.strictSame(readdirSync(folder), [])
})

t.test('a file that is no database is refused with 30, a volume that is missing with 10', async t => {
  const folder = t.testdir({ 'homelab.db': 'no database'.repeat(100) })
  t.match(await runProgram(['schema'], settingsFor(folder)), { exitCode: 30, failure: 'DATABASE_DAMAGED' })
  t.match(await runProgram(['schema'], settingsFor(join(folder, 'none'))), { exitCode: 10, failure: 'VOLUME_MISSING' })
})

t.test(
  'a read-only volume is read, while a hub has the database open, too',
  { skip: process.getuid?.() !== 0 && 'needs root, to mount' },
  async t => {
    const folder = t.testdir()
    await runProgram([], settingsFor(folder))
    const hub = new Database(join(folder, 'homelab.db'))
    hub.exec('BEGIN IMMEDIATE; CREATE TABLE not_yet (x)')
    mkdirSync(join(folder, 'mount'))
    await withMount(join(folder, 'mount'), ['--bind', '-o', 'ro', folder], async () => {
      const { stdout } = await spawnProgram(['schema'], settingsFor(join(folder, 'mount')))
      t.match(stdout, /CREATE TABLE/)
      t.notMatch(stdout, /not_yet/)
    })
    hub.close()
  },
)

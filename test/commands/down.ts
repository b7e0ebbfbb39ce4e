import { cpSync, existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { namesToUndo } from '../../src/commands/down.ts'
import { firstThree } from '../help/first-three.ts'
import { dump, readJson, runProgram, settingsFor } from '../help/program.ts'
import { noTerminal, runOnTerminal } from '../help/terminal.ts'

const addRoom = `export const up = ({ context }) => context.addColumn('servers', 'room', 'TEXT')
export const down = ({ context }) => context.removeColumn('servers', 'room')\n`

/** A volume at 0004, with a server and a metric. */
const prepare = async (t: Pick<Test, 'testdir'>, next = addRoom) => {
  const folder = t.testdir({ data: {}, migrations: { '0004-add-room.js': next } })
  const [data, migrations] = [join(folder, 'data'), join(folder, 'migrations')]
  cpSync(firstThree, migrations, { recursive: true })
  const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: migrations })
  const run = (...words: readonly string[]) => runProgram(words, settings)
  await run()
  const file = join(data, 'homelab.db')
  const connection = new Database(file)
  connection.exec(`INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan');
    INSERT INTO metrics (server_id, timestamp) VALUES ('omv', '2026-01-18 10:00:00')`)
  connection.close()
  const applied = () => {
    const connection = new Database(file)
    const names = connection.prepare('SELECT name FROM SequelizeMeta ORDER BY name').pluck().all()
    connection.close()
    return names
  }
  return { data, migrations, settings, run, file, applied }
}

t.test('the last migration is undone, after a backup, and the marker tells of the one before', async t => {
  const { data, run, file, applied } = await prepare(t)
  const before = dump(file)
  const outcome = await run('down', '--yes')
  t.match(outcome, {
    exitCode: 0,
    stdout:
      /1 migration to undo, tried on a copy\n\n0004-add-room\n {2}- column {2}servers\.room {2}TEXT\n {2}no row is lost, no value is gone, and no statement writes over a row\n$/,
    events: [{ event: 'backup.made' }, { event: 'down.done', undone: ['0004-add-room'], schema: '0003-add-os-info' }],
  })
  t.strictSame(applied(), ['0001-create-servers', '0002-create-metrics', '0003-add-os-info'])
  const [backup = ''] = readdirSync(join(data, 'backups'))
  t.match(backup, /^homelab--0004-add-room-/)
  t.equal(dump(join(data, 'backups', backup)), before)
  t.match(readJson(join(data, '.ready')), { schema: '0003-add-os-info', migrations: 3 })
  t.match(await run('status'), { stdout: /ready at 0003-add-os-info/ })
  t.match((await run()).events.at(-1), { event: 'up.done', applied: 1 }, 'up applies it again')
  t.match((await run()).events, [{ event: 'up.nothing' }])
})

t.test('a marker that cannot be written once all is undone is told as that', async t => {
  const { data, run } = await prepare(t)
  mkdirSync(join(data, '.ready.migrator-tmp'))
  t.match(await run('down', '--yes'), {
    exitCode: 2,
    stderr: /is changed, but its ready marker is not written: .*EISDIR/,
  })
  t.equal(existsSync(join(data, '.ready')), false)
  rmdirSync(join(data, '.ready.migrator-tmp'))
  t.match(await run(), { exitCode: 0, events: [{ event: 'backup.made' }, { event: 'migration.applied' }, {}] })
})

t.test('the older image finds nothing to do', async t => {
  const { data, run } = await prepare(t)
  await run('down', '--yes')
  t.match((await runProgram([], settingsFor(data))).events, [{ event: 'up.nothing' }])
})

t.test('as many as are asked for, or down to a name, and what would be lost is told', async t => {
  for (const words of [
    ['--steps', '3'],
    ['--to', '0001-create-servers'],
  ]) {
    const { run, applied } = await prepare(t)
    const { exitCode, stdout } = await run('down', ...words, '--yes')
    t.equal(exitCode, 0)
    t.match(
      stdout,
      /3 migrations to undo.*\n0002-create-metrics\n {2}- table {2}metrics .*\n.*\n {2}metrics had 1 row and has 0 after it \(DROP TABLE .*\n$/s,
    )
    t.strictSame(applied(), ['0001-create-servers'])
  }
})

t.test('all of them leave a database without a marker, and up makes it anew', async t => {
  const { data, run, applied } = await prepare(t)
  t.match(await run('down', '--steps', '99', '--yes'), { exitCode: 0 })
  t.strictSame(applied(), [])
  t.equal(existsSync(join(data, '.ready')), false)
  t.match(await run('down', '--yes'), { exitCode: 0, events: [{ event: 'down.nothing' }] })
  t.match(await run(), { exitCode: 0 })
})

t.test('nothing is undone without a yes, nor without somebody to ask', async t => {
  const { run, file } = await prepare(t)
  const before = dump(file)
  t.match(await run('down'), { exitCode: 2, failure: 'CONFIG_INVALID', stderr: /--yes/, stdout: /servers\.room/ })
  t.equal(dump(file), before)
})

t.test('at a terminal it asks, and says whether there is a backup', { skip: noTerminal }, async t => {
  const { settings, applied } = await prepare(t)
  const said = await runOnTerminal(['down'], { ...settings, MIGRATOR_BACKUP: 'never' }, /\[y\/N\]/, 'n\n')
  t.match(said, { exitCode: 2, screen: /0004-add-room will be undone in .*, without a backup\. Go on\?/ })
  t.equal(applied().length, 4)
  const done = await runOnTerminal(['down'], settings, /\[y\/N\]/, 'y\n')
  t.match(done, { exitCode: 0, screen: /after a backup\. Go on\?.*1 undone in/s })
  t.equal(applied().length, 3)
})

t.test('a down that fails on the copy is told before anything is asked, and nothing is changed', async t => {
  const bad = addRoom.replace(
    /export const down.*/,
    "export const down = async () => { throw new Error('out of luck') }",
  )
  const { data, run, file } = await prepare(t, bad)
  const before = [dump(file), readdirSync(data)]
  t.match(await run('down', '--yes'), {
    exitCode: 40,
    failure: 'MIGRATION_FAILED',
    stderr: /out of luck.*Fix its down, record the new text with .*migrator repair 0004-/,
    stdout: '',
  })
  t.strictSame([dump(file), readdirSync(data)], before)
})

for (const [title, words, said] of [
  ['a migration that is not applied', ['--to', '0009-x'], /0009-x is not applied/],
  ['a misspelt migration', ['--to', '0001-create-severs'], /Did you mean 0001-create-servers\?/],
  ['no step', ['--steps', '0'], /whole number from 1/],
  ['a step that is no number', ['--steps', 'two'], /whole number from 1/],
  ['both a name and steps', ['--steps', '1', '--to', '0001-create-servers'], /cannot be used with/],
] as const) {
  t.test(`${title} is refused with 2`, async t => {
    const { run, applied } = await prepare(t)
    t.match(await run('down', ...words, '--yes'), { exitCode: 2, failure: 'CONFIG_INVALID', stderr: said })
    t.equal(applied().length, 4)
  })
}

t.test('a migration without down is refused with 2, and so are those before it', async t => {
  const { run, applied } = await prepare(t, addRoom.replace(/export const down.*/, ''))
  for (const words of [[], ['--steps', '2']])
    t.match(await run('down', ...words, '--yes'), { exitCode: 2, stderr: /0004-add-room cannot be undone/ })
  t.equal(applied().length, 4)
})

t.test('a history that disagrees with the files is refused as by up', async t => {
  const { migrations, run } = await prepare(t)
  writeFileSync(join(migrations, '0001-create-servers.ts'), 'export const up = async () => undefined')
  t.match(await run('down', '--yes'), { exitCode: 50, failure: 'HISTORY_CONFLICT' })
})

t.test('where no marker tells when it was checked, it is undone all the same', async t => {
  const { data, run, applied } = await prepare(t)
  rmSync(join(data, '.ready'))
  t.match(await run('down', '--yes'), { exitCode: 0 })
  t.strictSame(applied().at(-1), '0003-add-os-info')
  t.ok(existsSync(join(data, '.ready')))
})

t.test('without a database there is nothing to undo', async t => {
  const folder = t.testdir({ data: {} })
  mkdirSync(join(folder, 'x'))
  t.match(await runProgram(['down'], settingsFor(join(folder, 'data'))), { exitCode: 2, failure: 'CONFIG_INVALID' })
  t.strictSame(readdirSync(join(folder, 'data')), [])
})

t.test('what another run did between the question and the answer is noticed', { skip: noTerminal }, async t => {
  const { settings, run, applied } = await prepare(t)
  const asked = runOnTerminal(['down', '--steps', '2'], settings, /\[y\/N\]/, async () => {
    await run('down', '--yes')
    return 'y\n'
  })
  t.match(await asked, { exitCode: 20, screen: /another run migrated/ })
  t.equal(applied().length, 3)
})

t.test('values that go are told', async t => {
  const wipe = `export const up = async () => undefined
export const down = ({ context }) => context.sequelize.query('UPDATE servers SET hostname = upper(hostname), status = NULL')\n`
  const { run } = await prepare(t, wipe)
  t.match(await run('down', '--yes'), {
    exitCode: 0,
    stdout: /\n {2}servers\.status had 1 value and has 0 after it\n {2}statements wrote over or deleted up to 1 row\n$/,
  })
})

t.test('rows that SQLite or the migration keeps for itself are not counted', async t => {
  const quiet = `export const up = async () => undefined
export const down = async ({ context }) => {
  await context.rebuildTable('metrics', (await context.sequelize.query("SELECT sql FROM sqlite_schema WHERE name = 'metrics'"))[0][0].sql)
  await context.sequelize.query('CREATE TEMP TABLE seen AS SELECT id FROM servers')
  await context.sequelize.query('UPDATE temp.seen SET id = 1')
  await context.sequelize.query("DELETE FROM main.sqlite_sequence WHERE name = 'none'")
}\n`
  const { run } = await prepare(t, quiet)
  t.match(await run('down', '--yes'), {
    exitCode: 0,
    stdout: /\n {2}no row is lost, no value is gone, and no statement/,
  })
})

const rebuildNotes = (columns: string) => `const run = async ({ sequelize }, ...all) => {
  for (const sql of all) await sequelize.query(sql)
}
export const up = ({ context }) => run(context, 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, code TEXT)')
export const down = ({ context }) => run(context, 'CREATE TABLE n2 (id INTEGER PRIMARY KEY, text TEXT, code INTEGER)',
  "INSERT INTO n2 SELECT ${columns} FROM notes", 'DROP TABLE notes', 'ALTER TABLE n2 RENAME TO notes')\n`

t.test('values that a rebuild writes anew are told', async t => {
  const { run, file } = await prepare(t, rebuildNotes("id, 'gone', code"))
  const hub = new Database(file)
  hub.exec("INSERT INTO notes VALUES (1, 'keep me', '007'), (2, 'and me', NULL)")
  hub.close()
  const { exitCode, stdout } = await run('down', '--yes')
  t.equal(exitCode, 0)
  t.match(
    stdout,
    /\n {2}notes\.text had 2 values and has different ones after it\n {2}notes\.code had 1 value and has different ones after it\n$/,
  )
})

t.test(
  'more than was shown is not lost: a hub may write between the question and the answer',
  { skip: noTerminal },
  async t => {
    const drop = `export const up = ({ context }) => context.createTable('notes', { id: 'INTEGER PRIMARY KEY', text: 'TEXT' })
export const down = ({ context }) => context.dropTable('notes')\n`
    const rebuild = rebuildNotes('id, text, code')
    for (const [next, sql, said] of [
      [rebuild, "INSERT INTO notes (text, code) VALUES ('b', '007')", /notes\.code had 1 value and has different ones/],
      [drop, "INSERT INTO notes (text) VALUES ('a'), ('b')", /notes had 3 rows and has 0/],
      [addRoom, "UPDATE servers SET room = 'attic'", /servers\.room had 1 value and has 0/],
    ] as const) {
      const { settings, file, applied } = await prepare(t, next)
      const write = (text: string): void => {
        const hub = new Database(file)
        hub.exec(text)
        hub.close()
      }
      if (next === drop) write("INSERT INTO notes (text) VALUES ('first')")
      const asked = runOnTerminal(['down'], settings, /\[y\/N\]/, async () => {
        write(sql)
        return 'y\n'
      })
      const { exitCode, screen } = await asked
      t.equal(exitCode, 20)
      t.match(screen, /changed meanwhile/)
      t.match(screen, said)
      t.equal(applied().length, 4)
    }
  },
)

t.test('which are undone is a matter of the names alone', async t => {
  const loaded = (name: string) => ({
    ...{ name, file: '', text: '', checksum: '', removesRows: [] },
    up: async () => undefined,
    down: async () => undefined,
  })
  const names = ['0001-a', '0002-b', '0003-c']
  const migrations = names.map(loaded)
  t.strictSame(namesToUndo(names, migrations, { steps: 2 }), ['0003-c', '0002-b'])
  t.strictSame(namesToUndo(names, migrations, { to: '0001-a' }), ['0003-c', '0002-b'])
  t.strictSame(namesToUndo(names, migrations, { to: '0003-c' }), [])
  t.strictSame(namesToUndo([], migrations, { steps: 1 }), [])
  t.throws(() => namesToUndo(['0001-a'], migrations, { to: '0002-b' }), { code: 'CONFIG_INVALID' })
  t.throws(() => namesToUndo(['0001-a', '0002-b'], migrations, { to: '0' }), { message: /may be 0001-a or 0002-b/ })
})

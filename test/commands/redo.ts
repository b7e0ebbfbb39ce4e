import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { redo } from '../../src/commands/redo.ts'
import { makeContext } from '../help/context.ts'
import { firstThree } from '../help/first-three.ts'
import { dump, readJson, runProgram, settingsFor } from '../help/program.ts'

const addColumn = (
  column: string,
) => `export const up = ({ context }) => context.addColumn('servers', '${column}', 'TEXT')
export const down = async ({ context }) => {
  const { room } = await context.describeTable('servers')
  await context.removeColumn('servers', room === undefined ? '${column}' : 'room')
}\n`

/** A volume at 0004, which adds a column. */
const prepare = async (t: Pick<Test, 'testdir'>) => {
  const folder = t.testdir({ data: {}, migrations: { '0004-add-room.js': addColumn('room') } })
  const [data, migrations] = [join(folder, 'data'), join(folder, 'migrations')]
  cpSync(firstThree, migrations, { recursive: true })
  const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: migrations })
  const run = (...words: readonly string[]) => runProgram(words, settings)
  await run()
  const file = join(data, 'homelab.db')
  const columns = () => {
    const connection = new Database(file)
    const names = connection.prepare("SELECT name FROM pragma_table_info('servers')").pluck().all()
    connection.close()
    return names
  }
  const edit = (text: string) => writeFileSync(join(migrations, '0004-add-room.js'), text)
  return { data, run, file, columns, edit, migrations }
}

t.test('the last migration is undone and applied again, and the volume is ready', async t => {
  const { data, run, columns } = await prepare(t)
  t.match(await run('redo', '--yes'), {
    exitCode: 0,
    stdout: /1 migration to undo, tried on a copy/,
    events: [
      {},
      { event: 'down.done' },
      {},
      { event: 'migration.applied', name: '0004-add-room' },
      { event: 'up.done' },
    ],
  })
  t.ok(columns().includes('room'))
  t.match(readJson(join(data, '.ready')), { schema: '0004-add-room', migrations: 4 })
  t.match((await run()).events, [{ event: 'up.nothing' }])
})

t.test('an edited text is applied in place of the old one', async t => {
  const { run, columns, edit } = await prepare(t)
  edit(addColumn('floor'))
  t.match(await run(), { exitCode: 50 })
  t.match(await run('redo', '--yes'), { exitCode: 0 })
  t.ok(columns().includes('floor'))
  t.notOk(columns().includes('room'))
  t.match((await run()).events, [{ event: 'up.nothing' }])
})

t.test('no other migration is applied', async t => {
  const { run, migrations } = await prepare(t)
  writeFileSync(join(migrations, '0005-add-shelf.js'), addColumn('shelf'))
  t.match(await run('redo', '--yes'), { exitCode: 0 })
  t.match(await run('status', '--exit-code'), { exitCode: 3, stdout: /0005-add-shelf +pending/ })
})

for (const [title, text] of [
  ['down', "export const up = async () => undefined\nexport const down = async () => { throw new Error('no luck') }\n"],
  [
    'up',
    addColumn('floor').replace(
      'up = ({ context }) =>',
      "up = async ({ context }) => { throw new Error('no luck') }; const or = ({ context }) =>",
    ),
  ],
] as const)
  t.test(`where ${title} fails on the copy, nothing is changed`, async t => {
    const { data, run, file, edit } = await prepare(t)
    const before = [dump(file), readdirSync(data)]
    edit(text)
    t.match(await run('redo', '--yes'), {
      exitCode: 40,
      failure: 'MIGRATION_FAILED',
      stderr: /no luck.*the database is as it was\. Fix it, then try again/,
    })
    t.strictSame([dump(file), readdirSync(data)], before)
  })

t.test('where up fails after all, it is said that the migration is undone', async t => {
  const { data, run, edit } = await prepare(t)
  const once = join(data, 'once')
  edit(`import { existsSync, writeFileSync } from 'node:fs'
export const up = async ({ context }) => {
  if (existsSync('${once}')) throw new Error('no luck')
  writeFileSync('${once}', '')
  await context.addColumn('servers', 'room', 'TEXT')
}
export const down = ({ context }) => context.removeColumn('servers', 'room')\n`)
  const outcome = await run('redo', '--yes')
  t.match(outcome, {
    exitCode: 40,
    stderr: /is undone, and not applied again\. Fix it\. Then .*migrator up.* applies it/,
  })
  t.match(readJson(join(data, '.ready')), { schema: '0003-add-os-info' })
})

t.test('where up is refused after all, its own hint stays with that', async t => {
  const { data, run, edit, migrations } = await prepare(t)
  const once = join(data, 'once')
  edit(`import { existsSync, writeFileSync } from 'node:fs'
export const up = ({ context }) => context.addColumn('servers', 'room', 'TEXT')
export const down = async ({ context }) => {
  await context.removeColumn('servers', 'room')
  if (existsSync('${once}')) writeFileSync('${join(migrations, '0004-other.js')}', '')
  writeFileSync('${once}', '')
}\n`)
  t.match(await run('redo', '--yes'), {
    exitCode: 50,
    stderr: /0004-add-room is undone, and not applied again\. .*\. Then .*migrator up.* applies it/,
  })
})

t.test('what is a bug of the program is thrown as it is', async t => {
  const { data, migrations } = await prepare(t)
  const context = await makeContext(data, { MIGRATOR_MIGRATIONS: migrations })
  // down makes engines of its own, for the copy and for the database
  const open = async () => {
    throw new TypeError('a bug')
  }
  await t.rejects(redo({ ...context, engine: { ...context.engine, open } }, true), {
    name: 'TypeError',
    message: 'a bug',
  })
})

t.test('one that another tool recorded, without a checksum, is done again', async t => {
  const { run, file } = await prepare(t)
  const connection = new Database(file)
  connection.exec('UPDATE SequelizeMeta SET checksum = NULL')
  connection.close()
  t.match(await run('redo', '--yes'), { exitCode: 0 })
})

t.test('it asks, and refuses what down refuses', async t => {
  const { data, run, file, edit, migrations } = await prepare(t)
  const before = dump(file)
  t.match(await run('redo'), { exitCode: 2, stderr: /--yes/ })
  edit("export const up = ({ context }) => context.addColumn('servers', 'room', 'TEXT')\n")
  t.match(await run('redo', '--yes'), { exitCode: 2, stderr: /0004-add-room cannot be undone: it has no down/ })
  writeFileSync(join(migrations, '0001-create-servers.ts'), 'export const up = async () => undefined')
  t.match(await run('redo', '--yes'), { exitCode: 50, failure: 'HISTORY_CONFLICT' })
  t.equal(dump(file), before)
  t.equal(existsSync(join(data, '.ready')), true)
})

t.test('with nothing applied there is nothing to do again', async t => {
  const { run } = await prepare(t)
  await run('down', '--steps', '9', '--yes')
  t.match(await run('redo', '--yes'), { exitCode: 0, events: [{ event: 'down.nothing' }] })
})

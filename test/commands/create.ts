import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { nextTwin, typesFor } from '../../src/commands/create.ts'
import { makeContext } from '../help/context.ts'
import { root, runProgram, settingsFor } from '../help/program.ts'

const migration = 'export const up = async () => {}'

t.test('it makes the next file, prints its path, and opens no database', async t => {
  const folder = t.testdir({ migrations: { '0001-a.ts': migration }, data: {} })
  const settings = settingsFor(join(folder, 'none'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  const file = join(folder, 'migrations/0002-create-alerts.ts')
  t.match(await runProgram(['create', 'create-alerts'], settings), { exitCode: 0, stdout: `${file}\n`, stderr: '' })
  t.match(readFileSync(file, 'utf8'), /^import type \{ Migration \} from 'homelab-migrator\/migration'/)
  t.match(readFileSync(file, 'utf8'), /export const up: Migration = async[\s\S]+export const down: Migration = async/)
})

t.test("in this repository's own folder the type comes from its source, as in the merged migrations", async t => {
  t.equal(typesFor(join(root, 'migrations')), '../src/migrations/load.ts')
})

t.test('a file that was not written on fails when it is applied, and is not recorded', async t => {
  const folder = t.testdir({ migrations: {}, data: {} })
  const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  t.match(await runProgram(['create', 'first'], settings), { exitCode: 0, stdout: /0001-first\.ts\n$/ })
  t.match(await runProgram([], settings), { exitCode: 40 })
  t.strictSame(readdirSync(join(folder, 'data')), [])
})

t.test('a folder of JavaScript gets JavaScript, and a folder that is not there is made', async t => {
  const folder = t.testdir({ migrations: { '0001-a.mjs': migration } })
  const settings = settingsFor(folder, { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  await runProgram(['create', 'b'], settings)
  t.notMatch(readFileSync(join(folder, 'migrations/0002-b.mjs'), 'utf8'), /Migration/)
  const fresh = settingsFor(folder, { MIGRATOR_MIGRATIONS: join(folder, 'fresh/er') })
  t.match(await runProgram(['create', 'b'], fresh), { exitCode: 0 })
  t.strictSame(readdirSync(join(folder, 'fresh/er')), ['0001-b.ts'])
})

t.test("behind a name of sequelize-cli's comes a later time, even where that one is in the future", async t => {
  const folder = t.testdir({ migrations: { '29991231235958-a.cjs': 'exports.up = async () => {}' } })
  const settings = settingsFor(folder, { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  t.match(await runProgram(['create', 'b'], settings), { stdout: /\/29991231235959-b\.js\n$/ })
})

for (const [title, name] of [
  ['capitals', 'Create'],
  ['a space', 'create alerts'],
  ['an extension', 'create.ts'],
  ['a number before it', '0004-create'],
  ['a hyphen at its end', 'create-'],
  ['a path', '../create'],
  ['nothing in it', ''],
  ['over 200 letters', 'a'.repeat(201)],
  ['the words of another one', 'create-servers'],
] as const) {
  t.test(`a name with ${title} is refused with 2, and nothing is made`, async t => {
    const before = readdirSync(join(root, 'migrations'))
    t.match(await runProgram(['create', name], settingsFor(t.testdir())), {
      exitCode: 2,
      failure: 'CONFIG_INVALID',
      stdout: '',
    })
    t.strictSame(readdirSync(join(root, 'migrations')), before)
  })
}

t.test('a folder with something else in it is refused with 2', async t => {
  const folder = t.testdir({ migrations: { 'notes.md': '' } })
  const settings = settingsFor(folder, { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  t.match(await runProgram(['create', 'a'], settings), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

t.test('a folder of an installed package is refused with 2: the next npm install would empty it', async t => {
  const folder = join(t.testdir({ node_modules: { x: { migrations: {} } } }), 'node_modules/x/migrations')
  const outcome = await runProgram(['create', 'a'], settingsFor(t.testdirName, { MIGRATOR_MIGRATIONS: folder }))
  t.match(outcome, {
    exitCode: 2,
    stderr: /belongs to an installed package.*migrator --migrations migrations create a/s,
  })
  t.strictSame(readdirSync(folder), [])
})

t.test("a server's migration is the twin of the last one where that has its name, and else the next file", async t => {
  const folder = t.testdir({ migrations: { '0001-a.ts': migration }, data: {} })
  const twin = async (name: string, migrations: string, sql = false) =>
    nextTwin(await makeContext(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, migrations) }), name, { sql })
  t.match(await twin('a', 'migrations'), { file: { file: /\/0001-a\.postgres\.ts$/ }, before: [], common: undefined })
  t.match(await twin('a', 'migrations', true), { file: { file: /\/0001-a\.postgres\.sql$/, language: 'sql' } })
  t.match(await twin('a', 'none'), { file: { file: /none\/0001-a\.ts$/ }, before: [], common: undefined })
})

t.test('after 9999 there is no number', async t => {
  const folder = t.testdir({ migrations: { '9999-last.ts': migration } })
  const settings = settingsFor(folder, { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  t.match(await runProgram(['create', 'a'], settings), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

t.test('a folder that cannot be written is refused with 2', async t => {
  const folder = t.testdir({ file: '' })
  const settings = settingsFor(folder, { MIGRATOR_MIGRATIONS: join(folder, 'file') })
  t.match(await runProgram(['create', 'a'], settings), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

t.test('a folder that had to be made is named in the log, for it may be misspelt', async t => {
  const folder = join(t.testdir(), 'migratoins')
  const made = await runProgram(['create', 'create-a'], settingsFor(t.testdir(), { MIGRATOR_MIGRATIONS: folder }))
  t.match(made, { exitCode: 0, events: [{ event: 'create.folder', folder }] })
})

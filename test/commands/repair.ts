import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { firstThree } from '../help/first-three.ts'
import { dump, runProgram, settingsFor } from '../help/program.ts'

/** A ready volume, and the migrations that made it. */
const prepare = async (t: Pick<Test, 'testdir'>) => {
  const folder = t.testdir({ data: {}, migrations: {} })
  cpSync(firstThree, join(folder, 'migrations'), { recursive: true })
  const data = join(folder, 'data')
  const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  await runProgram([], settings)
  return { data, settings, file: join(folder, 'migrations/0001-create-servers.ts') }
}

t.test('after a person looked, the present text is the recorded one, and nothing else is changed', async t => {
  const { data, settings, file } = await prepare(t)
  writeFileSync(file, `// a word more\n${readFileSync(file, 'utf8')}`)
  t.match(await runProgram([], settings), { exitCode: 50 })
  const outcome = await runProgram(['repair', '0001-create-servers'], settings)
  t.match(outcome, { exitCode: 0, events: [{ event: 'repair.done', name: '0001-create-servers' }] })
  t.equal(existsSync(join(data, '.ready')), false, 'the marker told of the old text')
  t.match(await runProgram([], settings), { exitCode: 0 })
  t.equal(existsSync(join(data, '.ready')), true)
})

t.test('of a migration that is unchanged nothing is repaired, and the volume stays ready', async t => {
  const { data, settings } = await prepare(t)
  const before = dump(join(data, 'homelab.db'))
  const outcome = await runProgram(['repair', '0001-create-servers'], settings)
  t.match(outcome, { exitCode: 0, events: [{ event: 'repair.nothing' }] })
  t.equal(dump(join(data, 'homelab.db')), before)
  t.equal(existsSync(join(data, '.ready')), true)
})

t.test('a text that makes another schema is refused with 53, unless somebody insists', async t => {
  const { data, settings, file } = await prepare(t)
  writeFileSync(file, readFileSync(file, 'utf8').replace('hostname', 'host_name'))
  const before = dump(join(data, 'homelab.db'))
  t.match(await runProgram(['repair', '1'], settings), {
    exitCode: 53,
    failure: 'SCHEMA_DRIFT',
    stderr: /column servers\.host_name missing.*0001-create-servers --force/,
  })
  t.equal(dump(join(data, 'homelab.db')), before)
  t.equal(existsSync(join(data, '.ready')), true)
  t.match(await runProgram(['repair', '--force', '1'], settings), {
    exitCode: 0,
    events: [{ event: 'repair.done', name: '0001-create-servers' }],
  })
})

for (const [title, name] of [
  ['a name that is not known', '0009-nothing'],
  ['a name with its extension', '0001-create-servers.ts'],
] as const) {
  t.test(`${title} is refused with 2, and nothing is changed`, async t => {
    const { data, settings } = await prepare(t)
    const before = dump(join(data, 'homelab.db'))
    t.match(await runProgram(['repair', name], settings), { exitCode: 2, failure: 'CONFIG_INVALID' })
    t.equal(dump(join(data, 'homelab.db')), before)
    t.equal(existsSync(join(data, '.ready')), true)
  })
}

t.test('a misspelt name is told the nearest one', async t => {
  const { settings } = await prepare(t)
  t.match(await runProgram(['repair', '0001-creat-servers'], settings), {
    exitCode: 2,
    stderr: /Did you mean 0001-create-servers\?/,
  })
})

t.test('a migration that is pending is refused with 2', async t => {
  const { settings, file } = await prepare(t)
  writeFileSync(join(file, '../0004-next.js'), 'export const up = async () => {}')
  t.match(await runProgram(['repair', '0004-next'], settings), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

t.test('where there is no database there is nothing to repair, and none is made', async t => {
  const folder = t.testdir()
  t.match(await runProgram(['repair', '0001-create-servers'], settingsFor(folder)), { exitCode: 2 })
  t.equal(existsSync(join(folder, 'homelab.db')), false)
})

t.test('without a name it is refused with 2', async t => {
  t.match(await runProgram(['repair'], settingsFor(t.testdir())), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

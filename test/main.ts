import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { root, runProgram, settingsFor } from './help/program.ts'

t.test('`up` by name is what runs without a name', async t => {
  const folder = t.testdir()
  t.match(await runProgram(['up'], settingsFor(folder)), { exitCode: 0, events: [{}, {}, {}, { event: 'up.done' }] })
  t.match(await runProgram(['--', 'up'], settingsFor(folder)), { exitCode: 0, events: [{ event: 'up.nothing' }] })
})

t.test('a failure before the settings are known is told all the same', async t => {
  const outcome = await runProgram([], { MIGRATOR_LOG_FORMAT: 'xml' })
  t.match(outcome, {
    exitCode: 2,
    stderr: /^error: MIGRATOR_LOG_FORMAT=xml is not valid \(CONFIG_INVALID\)\n {2}Use one of /,
  })
})

t.test('two signs of a container are one: a mount is required then', async t => {
  const settings = settingsFor(t.testdir(), { container: 'test', KUBERNETES_SERVICE_HOST: '10.0.0.1' })
  t.match(await runProgram([], { ...settings, MIGRATOR_REQUIRE_MOUNT: 'never' }), { exitCode: 0 })
})

t.test('without a mount table there is no container', async t => {
  // an empty folder in the place of /proc, in a mount namespace of its own
  const skip = process.getuid?.() !== 0 && 'needs root, to hide /proc'
  t.test('hidden /proc', { skip }, async t => {
    const folder = t.testdir()
    const command = `mount -t tmpfs none /proc && exec ${process.execPath} ${join(root, 'bin/migrator.js')}`
    const { status } = spawnSync('unshare', ['-m', 'sh', '-c', command], {
      env: { ...process.env, ...settingsFor(folder) },
    })
    t.equal(status, 0)
  })
})

/** A Node on this machine that better-sqlite3 would crash: Node-API below 10. */
const oldNode = (process.env.PATH ?? '')
  .split(delimiter)
  .map(folder => join(folder, 'node'))
  .filter(file => existsSync(file))
  .find(file => execFileSync(file, ['-p', 'process.versions.napi < 10'], { encoding: 'utf8', env: {} }) === 'true\n')
const skip = oldNode === undefined && 'there is no old Node here'

t.test('an old Node is told which one is needed', { skip }, async t => {
  const ended = spawnSync(oldNode ?? '', [join(root, 'bin/migrator.js')], { encoding: 'utf8', env: {} })
  t.match(ended, { status: 2, signal: null, stderr: /needs Node 22\.18/ })
})

t.test('an installation that is incomplete is told as that, whatever is missing', async t => {
  const folder = t.testdir({ 'package.json': '{"type":"module"}' })
  const run = () => spawnSync(process.execPath, [join(folder, 'bin/migrator.js')], { encoding: 'utf8', cwd: folder })
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true })
  t.match(run(), {
    status: 2,
    stderr: /^error: this installation is incomplete: cannot find module .*main\.ts' \(CONFIG_INVALID\)\n {2}In/,
  })
  cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true })
  rmSync(join(folder, 'package.json'))
  t.match(run(), {
    status: 2,
    stderr: /incomplete: cannot read .*package\.json \(CONFIG_INVALID\)\n {2}Install it again/,
  })
})

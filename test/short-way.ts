/** What a run with nothing to do may load. Whatever is added here costs every start of every hub: see npm run bench:startup. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeBundle } from './help/bundled.ts'
import { firstThree } from './help/first-three.ts'
import { loadedBy, runAlone } from './help/loaded.ts'
import { root, settingsFor } from './help/program.ts'

const allowed = [
  'bin/migrator.js',
  'src/commands/up.ts',
  'src/config.ts',
  'src/failure.ts',
  'src/fs.ts',
  'src/history.ts',
  'src/log.ts',
  'src/main.ts',
  'src/migrations/files.ts',
  'src/process.ts',
  'src/program.ts',
  'src/ready/lost.ts',
  'src/ready/marker.ts',
  'src/ready/readiness.ts',
  'src/small-file.ts',
  'src/sqlite/connect.ts',
  'src/sqlite/errors.ts',
  'src/sqlite/file.ts',
  'src/sqlite/history.ts',
  'src/sqlite/reader.ts',
  'src/sqlite/sqlite.ts',
  'src/surroundings.ts',
  'src/volume/errors.ts',
  'src/volume/files.ts',
  'src/volume/mounts.ts',
  'src/volume/owner.ts',
  'src/volume/volume.ts',
]
const allowedOfNode = ['node:fs', 'node:path', 'node:util']

t.test('a run with nothing to do loads the short way and better-sqlite3, and nothing else', async t => {
  const [env, program] = [{ PATH: process.env.PATH, ...settingsFor(t.testdir()) }, join(root, 'bin/migrator.js')]
  runAlone(env, program)
  const { files: loaded, builtins } = loadedBy(env, root, program)
  const own = loaded.filter(file => !file.startsWith('node:') && !file.startsWith('node_modules/better-sqlite3/lib/'))
  t.strictSame(own.toSorted(), allowed)
  t.strictSame(loaded.filter(file => file.startsWith('node:')).toSorted(), allowedOfNode)
  // which an import of node:util or node:fs would bring; better-sqlite3 requires them
  t.strictSame(
    builtins.filter(name => /worker_threads|parse_args|stream|fs\/promises/.test(name)),
    [],
  )
})

t.test('a checkout keeps what Node compiles below its node_modules, but not where coverage is measured', async t => {
  const program = join(root, 'bin/migrator.js')
  const kept = (...env: readonly string[]): boolean => {
    const words = ['-i', 'NODE_DEBUG_NATIVE=COMPILE_CACHE', ...env, process.execPath, program, '--version']
    return spawnSync('/usr/bin/env', words, { encoding: 'utf8' }).stderr.includes(
      'node_modules/.cache/homelab-migrator',
    )
  }
  t.ok(kept())
  t.notOk(kept(`NODE_V8_COVERAGE=${t.testdir()}`))
})

t.test('of the bundle it loads one file, a first run three, and neither loads crypto or streams of Node', async t => {
  const folder = t.testdir({ data: {} })
  const main = makeBundle(folder)
  const env = { ...settingsFor(join(folder, 'data')), MIGRATOR_MIGRATIONS: firstThree }
  runAlone(env, main)
  const { files, builtins } = loadedBy(env, folder, main)
  t.strictSame(
    files.filter(file => !file.startsWith('node:')),
    ['dist/main.cjs'],
  )
  t.strictSame(
    builtins.filter(name => /crypto|stream|net$|tty|perf_hooks|^module|esm/.test(name)),
    [],
  )
  const anew = { ...env, ...settingsFor(join(folder, 'data/new')) }
  mkdirSync(join(folder, 'data/new'))
  const { files: filesOfFirst, builtins: builtinsOfFirst } = loadedBy(anew, folder, main)
  t.strictSame(
    filesOfFirst.filter(file => !file.startsWith('node:')).toSorted(),
    ['dist/long.cjs', 'dist/main.cjs', 'dist/shared.cjs'],
    'and a first run two more',
  )
  t.strictSame(
    builtinsOfFirst.filter(name => /crypto|stream|net$|dns|tty|perf|fs\/promises|readline|esm/.test(name)),
    [],
  )
  const code = readFileSync(join(folder, 'dist/main.js'), 'utf8')
  t.ok(code.length < 90_500, 'it is small')
  t.notOk(/class (?:Umzug|Sequelize)/.test(code))
  t.ok(readdirSync(join(folder, 'dist')).length > 5, 'the long way is in other files')
})

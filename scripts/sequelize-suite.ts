/**
 * Runs Sequelize's own tests for SQLite, unit and integration, on the `sqlite3` package and on our bridge, and prints how many pass on
 * each and which differ. Exits with 1 where a test passes on `sqlite3` alone.
 *
 *     npm run test:sequelize -- CHECKOUT [FILE...]
 *
 * CHECKOUT is one of Sequelize 6 or 7 in which its packages are installed and built (`npm install` and `node build.js` in version 6,
 * `yarn install` and `yarn build` in version 7), with `sqlite3` 5.1.7. FILEs, relative to where its tests run, stand for all of them. Many
 * tests write to a file and wait for the disk: a checkout in a tmpfs takes minutes where another takes an hour.
 */
import { spawn } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'

const [checkout = '', ...chosen] = process.argv.slice(2)
if (!existsSync(join(checkout, 'package.json'))) {
  console.error('usage: npm run test:sequelize -- CHECKOUT [FILE...]')
  process.exit(2)
}

const core = join(checkout, 'packages/core')
const { folder, dialect, compiler } = existsSync(core)
  ? { folder: core, dialect: 'sqlite3', compiler: '../../test/register-esbuild.js' }
  : { folder: checkout, dialect: 'sqlite', compiler: './test/registerEsbuild.js' }
const files = chosen.length > 0 ? chosen : globSync('test/{unit,integration}/**/*.test.{js,ts}', { cwd: folder }).sort()

/** One line of mocha's json-stream. */
type Event = readonly [string, Readonly<{ file?: string; fullTitle?: string; passes?: number; failures?: number }>]

/** How each test ended, by its file and title; titles with a time in them are told apart by their place. */
type Ends = ReadonlyMap<string, string>

const run = async (driver: 'sqlite3' | 'bridge'): Promise<Ends> => {
  const options = ['--no-config', '--check-leaks', '--exit', '--timeout', '60000', '--reporter', 'json-stream']
  const mocha = spawn(
    process.execPath,
    [
      // the tests turn a warning of Node's into an error
      '--no-warnings',
      '--no-deprecation',
      `--import=${join(import.meta.dirname, 'sequelize-suite/drivers.ts')}`,
      join(checkout, 'node_modules/mocha/bin/_mocha'),
      ...options,
      `--require=${compiler}`,
      ...files,
    ],
    {
      cwd: folder,
      // the second one opens internals of version 7 to its tests
      env: { ...process.env, DIALECT: dialect, SQLITE3: driver, npm_lifecycle_event: 'mocha' },
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const ends = new Map<string, string>()
  let isWhole = false
  for await (const line of createInterface({ input: mocha.stdout })) {
    if (!/^\["(?:pass|fail|end)",/.test(line)) continue
    const [kind, { file = '', fullTitle = '' }]: Event = JSON.parse(line)
    if (kind === 'end') isWhole = true
    else ends.set(nameOf(ends, `${relative(folder, file)}: ${fullTitle}`), kind)
  }
  if (!isWhole) throw new Error(`the tests on ${driver} broke off: run them in ${folder} by hand`)
  return ends
}

/** A name that the tests before it do not have. Some titles hold the time at which they were made. */
const nameOf = (ends: Ends, title: string): string => {
  const steady = title.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
  let name = steady
  for (let number = 2; ends.has(name); number += 1) name = `${steady} (${number})`
  return name
}

const passes = (ends: Ends): number => [...ends.values()].filter(end => end === 'pass').length
const onlyOn = (some: Ends, others: Ends): readonly string[] =>
  [...some].flatMap(([name, end]) => (end === 'pass' && others.get(name) !== 'pass' ? [name] : []))

const sqlite3 = await run('sqlite3')
const bridge = await run('bridge')
console.log(`on sqlite3: ${passes(sqlite3)} of ${sqlite3.size} pass`)
console.log(`on the bridge: ${passes(bridge)} of ${bridge.size} pass`)
const lacking = onlyOn(sqlite3, bridge)
for (const name of lacking) console.log(`on sqlite3 alone: ${name}`)
for (const name of onlyOn(bridge, sqlite3)) console.log(`on the bridge alone: ${name}`)
if (lacking.length > 0) process.exitCode = 1

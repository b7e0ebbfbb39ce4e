/**
 * What a run costs beside bare Node: of the bundle with a warm compile cache, as in the image, and of a checkout. All are
 * measured in turns in one run; wall and CPU time as ratios of medians and sums to `node empty.js`, anonymous memory and
 * instructions likewise. Time depends on what else the machine does, instructions do not: `npm run bench:startup` fails when a
 * run takes more of them, of time or of memory than `limits` says. docs/startup.json has the rows.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  anonymousMemory,
  type Cost,
  instructions,
  makeBundle,
  makeDatabase,
  measure,
  median,
  program,
  type Run,
  start,
  still,
  told,
  warm,
  withFolder,
} from './measure.ts'
import { keepRows } from './raw.ts'

const rounds = 40
const root = join(program, '../..')
const metrics = 10_000
type Limits = Readonly<{ wall?: number; memory?: number; instructions?: number }>
const limits: Readonly<Record<string, Limits>> = {
  'nothing to do, bundle': { wall: 1.4, memory: 1.25, instructions: 1.4 },
  'first run, bundle': { wall: 3 },
  'one migration pending, bundle': { wall: 3 },
  'nothing to do, checkout': { wall: 2 },
  'first run, checkout': { wall: 5 },
}

await withFolder(folder => {
  const file = (name: string, text = ''): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const bundle = makeBundle(folder)
  const settings = (database: string) => ({
    DATABASE_URL: `sqlite:${database}`,
    MIGRATOR_MIGRATIONS: join(program, '../../migrations'),
    NODE_COMPILE_CACHE: join(folder, 'cache'),
  })
  const [ready, fresh, filled, pending] = ['ready', 'fresh', 'filled', 'pending'].map(name => join(folder, name)) as [
    ...[string, string, string, string],
  ]
  for (const made of [ready, filled]) mkdirSync(made)
  makeDatabase(join(ready, 'homelab.db'), 0)
  makeDatabase(join(filled, 'homelab.db'), metrics)
  start({ name: 'down', words: [program, 'down', '--yes'], env: settings(join(filled, 'homelab.db')) })
  rmSync(join(filled, 'backups'), { recursive: true, force: true })
  const anew = () => {
    rmSync(fresh, { recursive: true, force: true })
    mkdirSync(fresh)
  }
  const withoutLast = () => {
    rmSync(pending, { recursive: true, force: true })
    cpSync(filled, pending, { recursive: true })
  }
  const open = `new (require(${JSON.stringify(join(program, '../../node_modules/better-sqlite3'))}))(${JSON.stringify(join(ready, 'homelab.db'))}).close()`
  const runs: readonly Run[] = [
    { name: 'node empty.js', words: [file('empty.js')] },
    {
      name: 'node, better-sqlite3 opened',
      words: [file('open.cjs', open)],
      env: { NODE_COMPILE_CACHE: join(folder, 'cache') },
    },
    { name: 'nothing to do, bundle', words: bundle, env: settings(join(ready, 'homelab.db')) },
    { name: 'nothing to do, checkout', words: [program], env: settings(join(ready, 'homelab.db')) },
    { name: 'first run, bundle', words: bundle, env: settings(join(fresh, 'homelab.db')), before: anew },
    {
      name: 'one migration pending, bundle',
      words: bundle,
      env: settings(join(pending, 'homelab.db')),
      before: withoutLast,
    },
    { name: 'first run, checkout', words: [program], env: settings(join(fresh, 'homelab.db')), before: anew },
  ]
  // the first turns fill the compile cache
  for (const run of [...runs, ...runs]) measure(run)
  const costs = runs.map((): Cost[] => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, run] of runs.entries()) costs[index]?.push(measure(run))
  }
  const memories = runs.map(run => anonymousMemory(run, folder))
  // counted with other options, for which V8 takes no other cache
  warm(root, dirname(bundle.at(-1) ?? ''), still)
  const rows = runs.map((run, index) => ({
    name: run.name,
    wall: median((costs[index] ?? []).map(({ wall }) => wall)),
    cpu: (costs[index] ?? []).reduce((sum, { cpu }) => sum + cpu, 0),
    memory: memories[index] ?? Number.NaN,
    // a checkout's would take minutes to count
    instructions: Number(run.words.includes(program) ? undefined : instructions(run)),
  }))
  const [bare] = rows
  if (bare === undefined) return
  console.log(
    `Node ${process.versions.node}, ${rounds} interleaved rounds; times bare node: wall (median), CPU (sum), anonymous memory, instructions`,
  )
  const ratios = rows.map(row => ({
    name: row.name,
    wall: row.wall / bare.wall,
    cpu: row.cpu / bare.cpu,
    memory: row.memory / bare.memory,
    instructions: row.instructions / bare.instructions,
  }))
  for (const { name, wall, cpu, memory, instructions } of ratios) {
    const measured = [wall, cpu, memory].map(ratio => ratio.toFixed(2)).join('  ')
    console.log(`${name.padEnd(28)} ${measured}  ${told(instructions)}`)
  }
  keepRows('startup', { rounds, metrics, unit: 'times bare node' }, ratios)
  const exceeded = ratios.flatMap(row =>
    (['wall', 'memory', 'instructions'] as const)
      .filter(what => row[what] > (limits[row.name]?.[what] ?? Number.POSITIVE_INFINITY))
      .map(what => `${row.name}: ${what} ${row[what].toFixed(2)}`),
  )
  for (const line of exceeded) console.log(`over its limit: ${line}`)
  process.exitCode = exceeded.length === 0 ? 0 : 1
})

/**
 * What a run costs beside bare Node: of the bundle with a warm compile cache, as in the image, and of a checkout. All are
 * measured in turns in one run; wall and CPU time as ratios of medians and sums to `node empty.js`, anonymous memory and
 * instructions likewise. Time depends on what else the machine does, instructions do not: `npm run bench:startup` fails when a
 * run with nothing to do takes over 1.52 times those of bare Node, 1.6 times its time, or 1.25 times its memory.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
  told,
  withFolder,
} from './measure.ts'

const rounds = 40
// 3 % over what it takes
const limits = { wall: 1.6, memory: 1.25, instructions: 1.52 }

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
  const [ready, fresh] = [join(folder, 'ready'), join(folder, 'fresh')]
  mkdirSync(ready)
  makeDatabase(join(ready, 'homelab.db'), 0)
  const open = `new (require(${JSON.stringify(join(program, '../../node_modules/better-sqlite3'))}))(${JSON.stringify(join(ready, 'homelab.db'))}).close()`
  const runs: readonly Run[] = [
    { name: 'node empty.js', words: [file('empty.js')] },
    {
      name: 'node, better-sqlite3 opened',
      words: [file('open.cjs', open)],
      env: { NODE_COMPILE_CACHE: join(folder, 'cache') },
    },
    { name: 'nothing to do, bundle', words: [bundle], env: settings(join(ready, 'homelab.db')) },
    { name: 'nothing to do, checkout', words: [program], env: settings(join(ready, 'homelab.db')) },
    {
      name: 'first run, bundle',
      words: [bundle],
      env: settings(join(fresh, 'homelab.db')),
      before: () => {
        rmSync(fresh, { recursive: true, force: true })
        mkdirSync(fresh)
      },
    },
  ]
  // the first turns fill the compile cache
  for (const run of [...runs, ...runs]) measure(run)
  const costs = runs.map((): Cost[] => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, run] of runs.entries()) costs[index]?.push(measure(run))
  }
  const rows = runs.map((run, index) => ({
    name: run.name,
    wall: median((costs[index] ?? []).map(({ wall }) => wall)),
    cpu: (costs[index] ?? []).reduce((sum, { cpu }) => sum + cpu, 0),
    memory: anonymousMemory(run, folder),
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
  const noop = ratios.find(({ name }) => name === 'nothing to do, bundle')
  const exceeded = (['wall', 'memory', 'instructions'] as const).filter(what => Number(noop?.[what]) > limits[what])
  process.exitCode = exceeded.length === 0 ? 0 : 1
})

/**
 * What a run costs beside bare Node: of the bundle with a warm compile cache, as in the image, and of a checkout. All are
 * measured in turns in one run; wall and CPU time as ratios of medians and sums to `node empty.js`, peak memory likewise.
 * `npm run bench:startup` fails when a run with nothing to do takes over 1.6 times bare Node (the goal is 1.45), or 1.25 times
 * its memory.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Cost,
  makeBundle,
  makeDatabase,
  measure,
  median,
  program,
  type Run,
  start,
  withFolder,
} from './measure.ts'

const rounds = 40
const limits = { wall: 1.6, memory: 1.25 }

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
  const report = file(
    'peak.cjs',
    `process.on('exit', () => require('fs').writeSync(2, /VmHWM:.*/.exec(require('fs').readFileSync('/proc/self/status', 'utf8'))[0]))`,
  )
  const memory = (run: Run): number =>
    median(
      Array.from({ length: 9 }, () => {
        run.before?.()
        return Number(/VmHWM:\s*(\d+)/.exec(start(run, ['--require', report]))?.[1])
      }),
    )
  const rows = runs.map((run, index) => ({
    name: run.name,
    wall: median((costs[index] ?? []).map(({ wall }) => wall)),
    cpu: (costs[index] ?? []).reduce((sum, { cpu }) => sum + cpu, 0),
    memory: memory(run),
  }))
  const [bare] = rows
  if (bare === undefined) return
  console.log(
    `Node ${process.versions.node}, ${rounds} interleaved rounds; times bare node: wall (median), CPU (sum), peak memory (median of 9)`,
  )
  const ratios = rows.map(({ name, wall, cpu, memory }) => ({
    name,
    wall: wall / bare.wall,
    cpu: cpu / bare.cpu,
    memory: memory / bare.memory,
  }))
  for (const { name, wall, cpu, memory } of ratios) {
    console.log(`${name.padEnd(28)} ${wall.toFixed(2)}  ${cpu.toFixed(2)}  ${memory.toFixed(2)}`)
  }
  const noop = ratios.find(({ name }) => name === 'nothing to do, bundle')
  process.exitCode = noop !== undefined && noop.wall <= limits.wall && noop.memory <= limits.memory ? 0 : 1
})

/**
 * What a change costs: the bundles of another checkout and of this one, in turns in one process. `npm run bench:against -- CHECKOUT`
 * prints the medians by the clock, the anonymous memory and the instructions, as ratios to the other one's, of a run with nothing to do
 * and of a first run; it fails when a run takes over 3 % longer or 5 % more memory.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  anonymousMemory,
  instructions,
  makeBundle,
  measure,
  median,
  program,
  type Run,
  told,
  withFolder,
} from './measure.ts'

const rounds = 60
const limits = { wall: 1.03, memory: 1.05 }
const [other] = process.argv.slice(2)
if (other === undefined) throw new Error('which checkout? npm run bench:against -- CHECKOUT')

await withFolder(folder => {
  const roots = { before: resolve(other), after: join(program, '../..') }
  const runsOf = (name: string, root: string): readonly Run[] => {
    const own = join(folder, name)
    const [ready, fresh] = [join(own, 'ready'), join(own, 'fresh')]
    for (const made of [own, ready]) mkdirSync(made)
    const env = (data: string) => ({
      DATABASE_URL: `sqlite:${join(data, 'homelab.db')}`,
      MIGRATOR_MIGRATIONS: join(root, 'migrations'),
      NODE_COMPILE_CACHE: join(own, 'cache'),
    })
    const words = makeBundle(own, root)
    const anew = () => {
      rmSync(fresh, { recursive: true, force: true })
      mkdirSync(fresh)
    }
    return [
      { name: 'nothing to do', words, env: env(ready) },
      { name: 'first run', words, env: env(fresh), before: anew },
    ]
  }
  const [before, after] = [runsOf('before', roots.before), runsOf('after', roots.after)]
  const all = before.flatMap((run, index) => [run, after[index] ?? run])
  // the first turns make the databases and fill the compile caches
  for (const run of [...all, ...all]) measure(run)
  const walls = all.map((): number[] => [])
  for (let round = 0; round < rounds; round += 1)
    for (const [index, run] of all.entries()) walls[index]?.push(measure(run).wall)
  const memories = all.map(run => anonymousMemory(run, folder))
  const counts = all.map(instructions)
  console.log(
    `Node ${process.versions.node}, ${rounds} rounds in turns; this checkout's to the other's: wall (median), anonymous memory, instructions`,
  )
  for (const [index, { name }] of before.entries()) {
    const ratio = (values: readonly number[]) =>
      (values[2 * index + 1] ?? Number.NaN) / (values[2 * index] ?? Number.NaN)
    const [wall, memory] = [ratio(walls.map(median)), ratio(memories)]
    const counted = told(ratio(counts.map(Number)))
    console.log(`${name.padEnd(16)} ${wall.toFixed(3)}  ${memory.toFixed(3)}  ${counted}`)
    if (wall > limits.wall || memory > limits.memory) process.exitCode = 1
  }
})

/**
 * How fast the image starts: `docker run --rm` with nothing to do, and with an empty volume, beside `docker run --rm` of an empty script
 * by the same image's Node, with the same volume, in turns. Most of it is the engine's. `npm run bench:image` builds the image, needs
 * Docker, and writes docs/performance.md and docs/image.json; ROUNDS says how many turns.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { median, program } from './measure.ts'
import { keepRows, loads, machine, writeInto } from './raw.ts'

const rounds = Number(process.env.ROUNDS ?? 25)
const root = join(program, '../..')
const image = 'homelab-migrator:bench'

const docker = (...words: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync('docker', words, { encoding: 'utf8', cwd: root })
  if (status !== 0) throw new Error(`docker ${words.join(' ')} exited ${status}: ${stderr}`)
  return stdout.trim()
}

const timed = (volume: string, ...words: readonly string[]): number => {
  const start = performance.now()
  docker('run', '--rm', '--network=none', `--volume=${volume}:/app/data`, ...words)
  return performance.now() - start
}

docker('build', '--quiet', '--target=migrator', `--tag=${image}`, '.')
const volume = docker('volume', 'create')
const before = loads()
try {
  docker('run', '--rm', `--volume=${volume}:/app/data`, image)
  const empty = ['--entrypoint=node', image, '--eval', '']
  const turns = Array.from({ length: rounds }, () => {
    const fresh = docker('volume', 'create')
    try {
      return { empty: timed(volume, ...empty), nothing: timed(volume, image), first: timed(fresh, image) }
    } finally {
      docker('volume', 'rm', fresh)
    }
  })
  const [bare, nothing, first] = (['empty', 'nothing', 'first'] as const).map(of => median(turns.map(turn => turn[of])))
  const told = (milliseconds = 0): string => `${milliseconds.toFixed(0)} ms, ${(milliseconds / (bare ?? 1)).toFixed(2)}`
  const text = [
    `${machine()}; medians of ${rounds} turns, and as times an empty script; load ${before} before, ${loads()} after.`,
    '',
    '| `docker run --rm` | |',
    '|---|---|',
    `| an empty script | ${told(bare)} |`,
    `| nothing to do | ${told(nothing)} |`,
    `| an empty volume | ${told(first)} |`,
  ].join('\n')
  console.log(text)
  writeInto('performance.md', 'bench of the image', text)
  keepRows(
    'image',
    { rounds, unit: 'ms' },
    turns.map(({ empty, nothing, first }) => ({
      empty: Math.round(empty),
      nothing: Math.round(nothing),
      first: Math.round(first),
    })),
  )
} finally {
  docker('volume', 'rm', volume)
}

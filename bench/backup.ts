/**
 * What a backup costs, and what a run with nothing to do costs on a large database. Of 5,000,000 metrics with all their columns
 * filled: `migrator backup`, which copies, flushes, checks and counts, beside VACUUM INTO typed into the sqlite3 shell, which only
 * copies; and a run with nothing to do of the bundle, on that database and on an empty one. All in turns.
 * `npm run bench:backup` fails when a backup takes over 1.2 times VACUUM INTO, or nothing to do over 1.1 times that of no metrics.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { formatBytes } from '../src/text.ts'
import { fillColumns, makeBundle, makeDatabase, median, program, withFolder } from './measure.ts'

const metrics = 5_000_000
const rounds = { backup: 7, nothing: 40 }
const limits = { backup: 1.2, nothing: 1.1 }

const timed = (command: string, words: readonly string[], env: Readonly<Record<string, string>> = {}): number => {
  const start = performance.now()
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } })
  if (status !== 0) throw new Error(`${command} ${words.join(' ')} exited ${status}: ${stderr}`)
  return performance.now() - start
}

await withFolder(folder => {
  const [large, empty] = [join(folder, 'large/homelab.db'), join(folder, 'empty/homelab.db')]
  for (const name of ['large', 'empty', 'cache']) mkdirSync(join(folder, name))
  makeDatabase(large, metrics)
  fillColumns(large)
  makeDatabase(empty, 0)
  const bundle = makeBundle(folder)
  const settingsFor = (file: string) => ({
    DATABASE_URL: `sqlite:${file}`,
    MIGRATOR_MIGRATIONS: join(program, '../../migrations'),
    MIGRATOR_BACKUP_KEEP: '1',
    NODE_COMPILE_CACHE: join(folder, 'cache'),
  })
  const run = (file: string, ...words: readonly string[]) =>
    timed(process.execPath, [...bundle, ...words], settingsFor(file))
  const copy = join(folder, 'large/copy.db')
  const inShell = (): number => {
    rmSync(copy, { force: true })
    return timed('sqlite3', [large, `VACUUM INTO '${copy}'`])
  }
  const ours = (): number => {
    rmSync(copy, { force: true })
    rmSync(join(folder, 'large/backups'), { recursive: true, force: true })
    return run(large, 'backup')
  }
  // the first turns fill the page cache and the compile cache
  for (const warm of [inShell, ours]) warm()
  const backups = Array.from({ length: rounds.backup }, () => ({ shell: inShell(), ours: ours() }))
  rmSync(copy, { force: true })
  // a run of another program has written to it: this one makes the marker true again
  for (const file of [large, empty, large, empty]) run(file)
  const nothing = Array.from({ length: rounds.nothing }, () => ({ large: run(large), empty: run(empty) }))

  const [shell, backup] = [median(backups.map(time => time.shell)), median(backups.map(time => time.ours))]
  const [onLarge, onEmpty] = [median(nothing.map(time => time.large)), median(nothing.map(time => time.empty))]
  const ratios = { backup: backup / shell, nothing: onLarge / onEmpty }
  console.log(
    `Node ${process.versions.node}; ${metrics.toLocaleString('en')} metrics, ${formatBytes(statSync(large).size)}; medians of ${rounds.backup} and ${rounds.nothing} rounds in turns`,
  )
  console.log(`VACUUM INTO in the sqlite3 shell ${shell.toFixed(0)} ms`)
  console.log(`migrator backup, checked and counted ${backup.toFixed(0)} ms: ${ratios.backup.toFixed(2)} times that`)
  console.log(`nothing to do: ${ratios.nothing.toFixed(2)} times that of an empty database`)
  process.exitCode = ratios.backup <= limits.backup && ratios.nothing <= limits.nothing ? 0 : 1
})

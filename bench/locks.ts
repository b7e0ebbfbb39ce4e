/**
 * `npm run bench:locks`: how long a hub's reads stall while `up` waits for a table behind a reader that takes eight seconds, with
 * MIGRATOR_STATEMENT_LOCK_TIMEOUT and, in effect, without: PostgreSQL queues all later readers behind the statement that waits.
 * Writes the table of docs/performance.md.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { startServer } from '../test/help/postgres.ts'
import { root, spawnProgram } from '../test/help/program.ts'
import { median, withFolder } from './measure.ts'
import { keepRows, machine, writeInto } from './raw.ts'

const rounds = 3
/** Seconds that the other reader takes. */
const reading = 8
/** The setting in seconds: the shortest, the usual one, and one that is not reached. */
const timeouts = [1, 5, 60] as const

const server = await startServer()
/** Milliseconds of the longest read of a hub that reads every 50 ms until `work` has settled, and of `work`. */
const stallBeside = async (url: string, work: Promise<unknown>): Promise<Readonly<{ stall: number; run: number }>> => {
  const begin = performance.now()
  let isOver = false
  const settled = work.finally(() => {
    isOver = true
  })
  let stall = 0
  while (!isOver) {
    const asked = performance.now()
    await server.run(url, 'SELECT * FROM metrics ORDER BY id DESC LIMIT 1')
    stall = Math.max(stall, performance.now() - asked)
    await setTimeout(50)
  }
  await settled
  return { stall, run: performance.now() - begin }
}

try {
  await withFolder(async folder => {
    const migrations = join(folder, 'migrations')
    mkdirSync(migrations)
    cpSync(join(root, 'migrations'), migrations, { recursive: true })
    const settings = (url: string, timeout: number) => ({
      ...{ DATABASE_URL: url, MIGRATOR_MIGRATIONS: migrations, MIGRATOR_LOCK_TIMEOUT: '120' },
      MIGRATOR_STATEMENT_LOCK_TIMEOUT: String(timeout),
    })
    const up = async (url: string, timeout: number): Promise<void> => {
      const { exitCode, stderr } = await spawnProgram(['up'], settings(url, timeout))
      if (exitCode !== 0) throw new Error(`up exited ${exitCode}: ${stderr}`)
    }
    const urls = await Promise.all(timeouts.map(() => server.makeDatabase()))
    for (const url of urls) await up(url, 5)
    const turns = timeouts.map((): Readonly<{ stall: number; run: number }>[] => [])
    for (let round = 0; round < rounds; round += 1) {
      const add = `export const up = ({ context }) => context.addColumn('metrics', 'room_${round}', 'TEXT')\n`
      writeFileSync(join(migrations, `${String(round + 4).padStart(4, '0')}-add-room-${round}.js`), add)
      for (const [index, timeout] of timeouts.entries()) {
        const url = String(urls[index])
        const other = server.run(url, `SELECT count(*), pg_sleep(${reading}) FROM metrics`)
        await setTimeout(500)
        turns[index]?.push(await stallBeside(url, up(url, timeout)))
        await other
      }
    }
    const rows = timeouts.map((timeout, index) => {
      const all = turns[index] ?? []
      return { timeout, stall: median(all.map(({ stall }) => stall)), run: median(all.map(({ run }) => run)) }
    })
    const whole = rows.at(-1)?.stall ?? Number.NaN
    const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`
    const text = [
      `${machine()}; medians of ${rounds} turns behind a reader of ${reading} s.`,
      '',
      '| MIGRATOR_STATEMENT_LOCK_TIMEOUT | longest read of a hub | times that of the last row | `up` |',
      '|---|---|---|---|',
      ...rows.map(
        ({ timeout, stall, run }) =>
          `| ${timeout} s | ${seconds(stall)} | ${(stall / whole).toFixed(2)} | ${seconds(run)} |`,
      ),
    ].join('\n')
    console.log(text)
    const raw = rows.map(({ timeout, stall, run }) => ({ timeout, stall: Math.round(stall), run: Math.round(run) }))
    keepRows('locks', { rounds, reading, unit: 'ms' }, raw)
    writeInto('performance.md', 'bench of locks', text)
  })
} finally {
  await server.stop()
}

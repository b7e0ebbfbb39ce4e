/**
 * A corpus of damaged files, made by a seeded script, each started with: a twentieth of it in `npm test`, all 500 in `npm run
 * test:faults`, which prints its figures.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { damages, makeRandom } from '../help/damage.ts'
import { firstThree } from '../help/first-three.ts'
import { runProgram, settingsFor } from '../help/program.ts'

const files = 500
const step = process.env.FAULTS === 'long' ? 1 : 20
/** Files for each way to run it; three at a time, since most of a run is waiting for its helper. */
const atOnce = 3

const makeOriginal = async (folder: string): Promise<Buffer> => {
  await runProgram([], settingsFor(folder))
  const connection = new Database(join(folder, 'homelab.db'))
  connection.exec(`
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 40) INSERT INTO servers (id, hostname) SELECT 'server-' || i, 'host-' || i FROM n;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 3000)
    INSERT INTO metrics (server_id, timestamp, cpu_percent) SELECT 'server-' || (1 + i % 40), datetime('2026-01-01', '+' || i || ' minutes'), i FROM n`)
  connection.close()
  return readFileSync(join(folder, 'homelab.db'))
}

/** What an older SQLite, Debian's shell, says of a file: an opinion from outside. */
const saysShell = (file: string): string => {
  const { stdout, stderr } = spawnSync('sqlite3', [file, 'PRAGMA integrity_check'], { encoding: 'utf8' })
  return (stdout + stderr).trim()
}
const noShell = spawnSync('sqlite3', ['--version']).status !== 0

/** `always` reads all of it each time; `pending` has quick_check read it before a migration; `nothing` has no reason to look. */
const ways = {
  always: { MIGRATOR_CHECK: 'always' },
  pending: { MIGRATOR_MIGRATIONS: '' },
  nothing: {},
} as const

t.test(`${files / step} damaged files, each in ${Object.keys(ways).length} ways`, async t => {
  const folder = t.testdir({ original: {}, migrations: {}, work: {} })
  const original = await makeOriginal(join(folder, 'original'))
  const marker = readFileSync(join(folder, 'original/.ready'))
  for (const file of readdirSync(firstThree))
    writeFileSync(join(folder, 'migrations', file), readFileSync(join(firstThree, file)))
  writeFileSync(
    join(folder, 'migrations/0004-x.js'),
    "export const up = ({ context }) => context.sequelize.query('CREATE TABLE x (y)')",
  )
  const kinds = Object.entries(damages)
  const figures: Record<string, Record<string, number>> = { always: {}, pending: {}, nothing: {} }
  const wrong: string[] = []

  const tryFile = async (number: number): Promise<void> => {
    const [kind, damage] = kinds[number % kinds.length] ?? ['', (bytes: Buffer) => bytes]
    const bytes = damage(original, makeRandom(number))
    for (const [way, settings] of Object.entries(ways)) {
      const data = join(folder, 'work', `${number}-${way}`)
      mkdirSync(data)
      const file = join(data, 'homelab.db')
      writeFileSync(file, bytes)
      writeFileSync(join(data, '.ready'), marker)
      const more = way === 'pending' ? { MIGRATOR_MIGRATIONS: join(folder, 'migrations') } : settings
      const { exitCode, signal, stderr } = await runProgram([], settingsFor(data, more))
      const count = figures[way] ?? {}
      count[String(exitCode)] = (count[String(exitCode)] ?? 0) + 1
      const complain = (what: string) => wrong.push(`${number}, ${kind}, ${way}: ${what}: ${stderr}`)
      if (signal !== null || exitCode === null || exitCode === 1) complain(`ended with ${exitCode ?? signal}`)
      if (/\n\s+at /.test(stderr)) complain('a stack')
      if (exitCode !== 0 && !readFileSync(file).equals(bytes)) complain('a refused file was changed')
      if (
        exitCode !== 0 &&
        readdirSync(data).some(name => !['homelab.db', '.ready', '.ready.withdrawn'].includes(name))
      )
        complain(`left ${readdirSync(data)}`)
      if (way === 'always' && exitCode === 0)
        complain(`was accepted; the shell says ${noShell ? 'nothing' : saysShell(file)}`)
      rmSync(data, { recursive: true })
    }
  }

  const numbers = Array.from({ length: files / step }, (_, index) => index * step + (index % step))
  while (numbers.length > 0) await Promise.all(numbers.splice(0, atOnce).map(tryFile))
  t.strictSame(wrong, [])
  t.comment(`${files / step} damaged files, exit codes: ${JSON.stringify(figures)}`)
})

t.test('the same files are sound where nothing was done to them', async t => {
  const folder = t.testdir()
  await makeOriginal(folder)
  const settings = settingsFor(folder, { MIGRATOR_CHECK: 'always' })
  t.match(await runProgram([], settings), { exitCode: 0 })
})

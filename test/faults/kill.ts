/**
 * kill -9 and SIGTERM at random instants of a run that rewrites every metric: a short form in `npm test`, the long one in
 * `npm run test:faults`, which prints its figures.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { firstThree } from '../help/first-three.ts'
import { dump, readJson, runProgram, settingsFor, startProgram } from '../help/program.ts'

const long = process.env.FAULTS === 'long'
const kills = long ? 500 : 8
const metrics = long ? 50_000 : 3000

/** Rewrites row after row, as a careless migration does, so that there are many instants to be killed at. */
const rewrite = `export const up = async ({ context }) => {
  await context.sequelize.query('ALTER TABLE metrics ADD COLUMN note TEXT')
  for (let id = 1; id <= ${metrics}; id += ${metrics / 100}) {
    await context.sequelize.query('UPDATE metrics SET note = hex(randomblob(20)), cpu_percent = -1 WHERE id >= $1 AND id < $1 + ${metrics / 100}', { bind: [id] })
  }
}`

/** A volume at 0003 with all its metrics, to begin each round from, and the migrations that bring it to 0004. */
const prepare = async (t: Pick<Test, 'testdir'>) => {
  const folder = t.testdir({ pristine: {}, data: {}, migrations: { '0004-rewrite-metrics.js': rewrite } })
  cpSync(firstThree, join(folder, 'migrations'), { recursive: true })
  await runProgram([], settingsFor(join(folder, 'pristine')))
  const connection = new Database(join(folder, 'pristine/homelab.db'))
  connection.exec(`
    INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan');
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${metrics})
    INSERT INTO metrics (server_id, timestamp, cpu_percent) SELECT 'omv', datetime('2026-01-01', '+' || i || ' minutes'), 50 FROM n`)
  connection.close()
  const data = join(folder, 'data')
  const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  const reset = () => {
    rmSync(data, { recursive: true })
    mkdirSync(data)
    for (const file of readdirSync(join(folder, 'pristine')))
      copyFileSync(join(folder, 'pristine', file), join(data, file))
  }
  return { data, settings, reset, before: dump(join(folder, 'pristine/homelab.db')) }
}

/** `before`, `after`, or how it is neither. */
const stateOf = (file: string, before: string): string => {
  const connection = new Database(file)
  try {
    if (connection.pragma('integrity_check', { simple: true }) !== 'ok') return 'damaged'
    const applied = connection.prepare('SELECT count(*) FROM SequelizeMeta').pluck().get()
    if (applied === 3) return dump(file) === before ? 'before' : 'changed without a record'
    const rewritten = connection
      .prepare('SELECT count(*) FROM metrics WHERE cpu_percent = -1 AND note IS NOT NULL')
      .pluck()
      .get()
    return rewritten === metrics ? 'after' : `${rewritten} of ${metrics} rewritten`
  } finally {
    connection.close()
  }
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  t.test(`${signal} at ${kills} random instants: before or after, sound, and the next run succeeds`, async t => {
    const { data, settings, reset, before } = await prepare(t)
    const file = join(data, 'homelab.db')
    reset()
    const start = performance.now()
    t.match(await runProgram([], settings), { exitCode: 0 })
    const duration = performance.now() - start
    const figures: Record<string, number> = { before: 0, after: 0, 'ended by the signal': 0 }
    for (let round = 0; round < kills; round += 1) {
      reset()
      const { child, outcome } = startProgram([], settings)
      await setTimeout(Math.random() * duration)
      child.kill(signal)
      const { exitCode, signal: endedBy } = await outcome
      if (endedBy === signal || exitCode === 143)
        figures['ended by the signal'] = (figures['ended by the signal'] ?? 0) + 1
      const marker = existsSync(join(data, '.ready')) ? readJson(join(data, '.ready')).schema : undefined
      const state = stateOf(file, before)
      figures[state] = (figures[state] ?? 0) + 1
      const truth = state === 'before' ? '0003-add-os-info' : '0004-rewrite-metrics'
      if (marker !== undefined && marker !== truth) t.fail(`the marker says ${marker}, the database is at ${truth}`)
      const next = await runProgram([], settings)
      if (next.exitCode !== 0) t.fail(`the next run exited ${next.exitCode}: ${next.stderr}`)
      if (stateOf(file, before) !== 'after') t.fail(`after the next run it is ${stateOf(file, before)}`)
      const left = readdirSync(data).filter(entry => !['.ready', 'homelab.db', 'backups'].includes(entry))
      if (left.length > 0) t.fail(`left behind: ${left}`)
    }
    t.comment(
      `${signal}: ${kills} rounds of ${metrics} metrics, a whole run ${Math.round(duration)} ms: ${JSON.stringify(figures)}`,
    )
    t.strictSame(Object.keys(figures).toSorted(), ['after', 'before', 'ended by the signal'])
    t.ok((figures['ended by the signal'] ?? 0) > 0, 'some rounds were hit')
  })
}

t.test('a marker of half a run is none', async t => {
  const { data, settings, reset } = await prepare(t)
  reset()
  writeFileSync(join(data, '.ready.migrator-tmp'), '{"schema":"0004')
  t.match(await runProgram([], settings), { exitCode: 0 })
  t.equal(existsSync(join(data, '.ready.migrator-tmp')), false)
})

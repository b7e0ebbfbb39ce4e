/**
 * kill -9 at random instants of a backup and of a restore: a short form in `npm test`, the long one in `npm run test:faults`, which
 * prints its figures.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { attempt } from '../../src/failure.ts'
import { dump, readJson, runProgram, settingsFor, startProgram } from '../help/program.ts'

const long = process.env.FAULTS === 'long'
const kills = long ? 200 : 8
const metrics = long ? 100_000 : 20_000

/** A volume with two backups of the same schema, one with metrics of 50 %, one of 60 %, and a database with 70 %. */
const prepare = async (t: Pick<Test, 'testdir'>) => {
  const folder = t.testdir({ pristine: {}, data: {} })
  const [pristine, data] = [join(folder, 'pristine'), join(folder, 'data')]
  const settings = settingsFor(pristine)
  await runProgram([], settings)
  const file = join(pristine, 'homelab.db')
  const change = (sql: string): void => {
    const connection = new Database(file)
    connection.exec(sql)
    connection.close()
  }
  change(`INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan');
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${metrics})
    INSERT INTO metrics (server_id, timestamp, cpu_percent) SELECT 'omv', datetime('2026-01-01', '+' || i || ' minutes'), 50 FROM n`)
  for (const percent of [60, 70]) {
    await runProgram(['backup'], settings)
    change(`UPDATE metrics SET cpu_percent = ${percent}`)
  }
  const backups = readdirSync(join(pristine, 'backups')).toSorted()
  const reset = (): void => {
    rmSync(data, { recursive: true, force: true })
    mkdirSync(join(data, 'backups'), { recursive: true })
    for (const name of ['homelab.db', '.ready', ...backups.map(backup => `backups/${backup}`)])
      copyFileSync(join(pristine, name), join(data, name))
  }
  return { data, backups, reset, file: join(data, 'homelab.db') }
}

/** The percentage that all metrics of a sound database have. */
const percentIn = (file: string): unknown => {
  const connection = new Database(file, { fileMustExist: true })
  try {
    const sound = connection.pragma('integrity_check', { simple: true })
    const [least, most, rows] = connection
      .prepare('SELECT min(cpu_percent), max(cpu_percent), count(*) FROM metrics')
      .raw()
      .get() as number[]
    return sound === 'ok' && least === most && rows === metrics ? least : `${sound}, ${least} to ${most}, ${rows} rows`
  } finally {
    connection.close()
  }
}

/**
 * Starts the program, kills it at a random instant of its whole duration, and tells whether that came in time. It takes up to half
 * as long again where the files are not in the page cache.
 */
const kill = async (words: readonly string[], data: string, duration: number): Promise<'killed' | 'done'> => {
  const { child, outcome } = startProgram(words, settingsFor(data))
  await setTimeout(Math.random() * duration * 1.5)
  child.kill('SIGKILL')
  const { signal } = await outcome
  // its helper process outlives it, and writes on in the partial folder until it is done
  while (isAnyAtWorkIn(data)) await setTimeout(10)
  return signal === 'SIGKILL' ? 'killed' : 'done'
}

const isAnyAtWorkIn = (folder: string): boolean =>
  readdirSync('/proc').some(entry => {
    const words = attempt(() => readFileSync(`/proc/${entry}/cmdline`, 'utf8'))
    return 'value' in words && words.value.includes(`\0internal\0`) && words.value.includes(folder)
  })

/** Makes what a killed run left a day older: younger, and another run might be at work in it. */
const letDayPass = (folder: string): void => {
  const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600
  for (const name of readdirSync(folder).filter(name => name.startsWith('.migrator-partial-')))
    utimesSync(join(folder, name), twoDaysAgo, twoDaysAgo)
}

const durationOf = async (words: readonly string[], data: string): Promise<number> => {
  const start = performance.now()
  const { exitCode, stderr } = await runProgram(words, settingsFor(data))
  if (exitCode !== 0) throw new Error(`it exited ${exitCode}: ${stderr}`)
  return performance.now() - start
}

t.test(
  `kill -9 at ${kills} random instants of a backup: only whole backups, the old ones stay, and one of the next day cleans up`,
  async t => {
    const { data, backups, reset, file } = await prepare(t)
    reset()
    const duration = await durationOf(['backup'], data)
    const figures: Record<string, number> = { killed: 0, done: 0 }
    for (let round = 0; round < kills; round += 1) {
      reset()
      const outcome = await kill(['backup'], data, duration)
      figures[outcome] = (figures[outcome] ?? 0) + 1
      t.equal(percentIn(file), 70)
      t.match(readJson(join(data, '.ready')), { schema: '0003-add-os-info' })
      const found = readdirSync(join(data, 'backups')).filter(name => name.endsWith('.db'))
      t.strictSame(found.toSorted().slice(0, 2), backups)
      for (const name of found.filter(name => !backups.includes(name)))
        t.equal(percentIn(join(data, 'backups', name)), 70)
      letDayPass(join(data, 'backups'))
      t.match(await runProgram(['backup'], settingsFor(data)), { exitCode: 0 })
      t.strictSame(
        readdirSync(join(data, 'backups')).filter(name => !name.endsWith('.db')),
        [],
        'nothing half is left',
      )
      t.match((await runProgram([], settingsFor(data))).events, [{ event: 'up.nothing' }])
    }
    t.comment(
      `backup: ${kills} rounds of ${metrics} metrics, a whole one ${Math.round(duration)} ms: ${JSON.stringify(figures)}`,
    )
    t.ok((figures.killed ?? 0) > 0)
  },
)

t.test(
  `kill -9 at ${kills} random instants of a restore: the old database or the new one, and the marker is absent or true`,
  async t => {
    const { data, backups, reset, file } = await prepare(t)
    const words = ['restore', join(data, 'backups', backups[0] ?? ''), '--yes']
    reset()
    const duration = await durationOf(words, data)
    const figures: Record<string, number> = { killed: 0, done: 0, old: 0, new: 0 }
    for (let round = 0; round < kills; round += 1) {
      reset()
      const before = dump(join(data, 'backups', backups[0] ?? ''))
      const outcome = await kill(words, data, duration)
      figures[outcome] = (figures[outcome] ?? 0) + 1
      t.ok(existsSync(file))
      const percent = percentIn(file)
      figures[percent === 70 ? 'old' : 'new'] = (figures[percent === 70 ? 'old' : 'new'] ?? 0) + 1
      t.ok(percent === 70 || percent === 50, `${percent}`)
      t.equal(dump(join(data, 'backups', backups[0] ?? '')), before, 'the backup is as it was')
      t.match(await runProgram([], settingsFor(data)), { exitCode: 0 }, 'the hub could start')
      t.equal(percentIn(file), percent)
      letDayPass(data)
      t.match(await runProgram(words, settingsFor(data)), { exitCode: 0 })
      t.equal(percentIn(file), 50)
      const kept = readdirSync(data).filter(name => name.includes('replaced'))
      t.ok(
        kept.some(name => percentIn(join(data, name)) === 70),
        'what was there is kept',
      )
      t.strictSame(
        readdirSync(data).filter(name => !['homelab.db', '.ready', 'backups', ...kept].includes(name)),
        [],
      )
    }
    t.comment(
      `restore: ${kills} rounds of ${metrics} metrics, a whole one ${Math.round(duration)} ms: ${JSON.stringify(figures)}`,
    )
    t.ok((figures.killed ?? 0) > 0)
    if (long) t.ok((figures.old ?? 0) > 0 && (figures.new ?? 0) > 0, 'kills came before and after')
  },
)

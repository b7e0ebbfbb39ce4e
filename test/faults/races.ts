/**
 * Many processes on one volume at once: a short form in `npm test`, the long one in `npm run test:faults`, which prints its
 * figures.
 */
import { spawn } from 'node:child_process'
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t from 'tap'
import { firstThree } from '../help/first-three.ts'
import { readJson, root, runProgram, settingsFor, spawnProgram, startProgram } from '../help/program.ts'

const long = process.env.FAULTS === 'long'
const rounds = long ? 50 : 1

t.test('16 processes at once on an empty volume: all succeed, and each migration is recorded once', async t => {
  let processes = 0
  for (let round = 0; round < rounds; round += 1) {
    const folder = t.testdir({})
    const outcomes = await Promise.all(Array.from({ length: 16 }, () => spawnProgram([], settingsFor(folder))))
    t.strictSame(
      outcomes.map(({ exitCode }) => exitCode),
      outcomes.map(() => 0),
    )
    const applied = outcomes.flatMap(({ events }) => events).filter(({ event }) => event === 'migration.applied')
    t.equal(applied.length, 3)
    const connection = new Database(join(folder, 'homelab.db'))
    t.strictSame(connection.prepare('SELECT count(*), count(DISTINCT name) FROM SequelizeMeta').raw().get(), [3, 3])
    connection.close()
    t.strictSame(readdirSync(folder).toSorted(), ['.ready', 'homelab.db'])
    processes += outcomes.length
  }
  t.comment(
    `16 at once: ${rounds} rounds, ${processes} processes, all exited 0, 3 migrations recorded once in each round`,
  )
})

t.test('two versions at once: the newer one wins, the older one is told, each migration is recorded once', async t => {
  const figures: Record<string, number> = {}
  for (let round = 0; round < rounds; round += 1) {
    const folder = t.testdir({
      data: {},
      migrations: {
        '0004-next.js': `export const up = ({ context }) => context.sequelize.query('CREATE TABLE alerts (x)')`,
      },
    })
    cpSync(firstThree, join(folder, 'migrations'), { recursive: true })
    const older = settingsFor(join(folder, 'data'))
    const newer = { ...older, MIGRATOR_MIGRATIONS: join(folder, 'migrations') }
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const isNewer = index % 2 === 0
        const { exitCode } = await spawnProgram([], isNewer ? newer : older)
        return `${isNewer ? 'newer' : 'older'} ${exitCode}`
      }),
    )
    for (const outcome of outcomes) figures[outcome] = (figures[outcome] ?? 0) + 1
    const connection = new Database(join(folder, 'data/homelab.db'))
    t.strictSame(connection.prepare('SELECT count(*) FROM SequelizeMeta').pluck().get(), 4)
    connection.close()
    t.match(readJson(join(folder, 'data/.ready')), { schema: '0004-next', migrations: 4 })
  }
  t.comment(`two versions, ${rounds} rounds of 8 processes: ${JSON.stringify(figures)}`)
  t.ok(
    Object.keys(figures).every(outcome => ['newer 0', 'older 0', 'older 51'].includes(outcome)),
    JSON.stringify(figures),
  )
})

/** A hub that inserts one metric after the other, and says the number of each once it is committed. */
const hub = `
  const connection = new (require('better-sqlite3'))(process.argv[1], { timeout: 60_000 })
  const insert = connection.prepare("INSERT INTO metrics (server_id, timestamp, uptime_seconds) VALUES ('omv', datetime('now'), ?)")
  let number = 0
  let stopped = false
  process.once('SIGTERM', () => { stopped = true })
  const next = () => {
    insert.run(++number)
    process.stdout.write(number + ' ')
    if (!stopped) setImmediate(next)
  }
  next()`

t.test('a hub that writes all the while, and a run that is killed: no row that was committed is lost', async t => {
  const metrics = long ? 20_000 : 2000
  const figures = { rows: 0, 'killed before': 0, 'killed after': 0 }
  for (let round = 0; round < rounds; round += 1) {
    const folder = t.testdir({ data: {}, migrations: {} })
    const [data, migrations] = [join(folder, 'data'), join(folder, 'migrations')]
    const file = join(data, 'homelab.db')
    const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: migrations })
    cpSync(firstThree, migrations, { recursive: true })
    t.match(await runProgram([], settings), { exitCode: 0 })
    const connection = new Database(file)
    connection.exec(`
      INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan');
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${metrics})
      INSERT INTO metrics (server_id, timestamp) SELECT 'omv', datetime('2026-01-01', '+' || i || ' minutes') FROM n`)
    connection.close()
    writeFileSync(
      join(migrations, '0004-rewrite.js'),
      `export const up = async ({ context }) => {
         await context.addColumn('metrics', 'note', { type: 'TEXT' })
         await context.backfill("UPDATE metrics SET note = hex(randomblob(20)) WHERE id BETWEEN $first AND $last", { table: 'metrics', batch: 100 })
         await context.changeColumn('metrics', 'note', { type: 'TEXT', defaultValue: 'none' })
       }`,
    )
    const writer = spawn(process.execPath, ['-e', hub, file], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    const said = text(writer.stdout)
    const { child, outcome } = startProgram([], settings)
    await setTimeout(Math.random() * 800)
    child.kill('SIGKILL')
    figures[(await outcome).signal === null ? 'killed after' : 'killed before'] += 1
    const next = await runProgram([], settings)
    t.match(next, { exitCode: 0 }, next.stderr)
    writer.kill('SIGTERM')
    const numbers = (await said).trim().split(' ').map(Number)
    figures.rows += numbers.length
    const after = new Database(file)
    const found = after.prepare('SELECT uptime_seconds FROM metrics WHERE uptime_seconds > 0 ORDER BY 1').pluck().all()
    t.strictSame(found, numbers, 'every row that the hub saw committed is there once')
    t.equal(after.pragma('integrity_check', { simple: true }), 'ok')
    t.equal(after.prepare('SELECT count(*) FROM SequelizeMeta').pluck().get(), 4)
    t.equal(after.prepare('SELECT count(*) FROM metrics').pluck().get(), metrics + numbers.length)
    after.close()
    rmSync(data, { recursive: true })
  }
  t.comment(`a hub that writes meanwhile: ${rounds} rounds over ${metrics} metrics: ${JSON.stringify(figures)}`)
})

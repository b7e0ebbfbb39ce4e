/**
 * What commands cost on a big table beside the same work typed into the sqlite3 shell, in turns on fresh copies of one database of
 * 5,000,000 metrics with all columns filled: times, the most anonymous memory that the program and its helpers had at once, and
 * bytes that were written. A migration's row also tells apart what is not the migration: the backup before it, the look for every
 * earlier row after it, and its guard, by the same migration without one. `npm run bench:big` writes docs/performance.md and docs/big.json;
 * it fails over 150 MB, when that look takes over twice the backup, or the guard over a tenth of the run. ROWS and ROUNDS say another
 * size and other turns; with another size the documents stay as they are. What `copy` costs is told by bench:copy.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { attempt } from '../src/failure.ts'
import { formatBytes, formatCount, formatThings } from '../src/text.ts'
import { firstThree } from '../test/help/first-three.ts'
import { timeMigration } from './guard.ts'
import { fillColumns, makeBundle, makeDatabase, median, withFolder } from './measure.ts'
import { keepRows, loads, machine, type Raw, writeInto } from './raw.ts'

const usual = 5_000_000
const rows = Number(process.env.ROWS ?? usual)
const rounds = Number(process.env.ROUNDS ?? 3)
const limits = { memory: 150e6, comparison: 2, guard: 0.1 }

type Cost = Readonly<{ milliseconds: number; memory: number; written: number; log: string }>

/** The process and all that it started. */
const familyOf = (pid: number): readonly number[] => {
  const read = attempt(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
  const children = 'value' in read ? read.value.split(' ').filter(Boolean).map(Number) : []
  return [pid, ...children.flatMap(familyOf)]
}

const anonymousOf = (pid: number): number => {
  const read = attempt(() => readFileSync(`/proc/${pid}/status`, 'utf8'))
  return 'value' in read ? Number(/RssAnon:\s*(\d+)/.exec(read.value)?.[1] ?? 0) * 1024 : 0
}

/** Runs a command under GNU time, which counts what it and its children wrote in blocks of 512 bytes: getrusage(2). */
const cost = async (words: readonly string[], env: Readonly<Record<string, string>>, input = ''): Promise<Cost> => {
  const begin = performance.now()
  const child = spawn('/usr/bin/time', ['-f', 'blocks %O', ...words], { env: { PATH: process.env.PATH, ...env } })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    log += text
  })
  child.stdout.resume()
  child.stdin.end(input)
  const ended = once(child, 'close')
  let memory = 0
  while (child.exitCode === null && child.signalCode === null) {
    memory = Math.max(
      memory,
      familyOf(child.pid ?? 0).reduce((sum, pid) => sum + anonymousOf(pid), 0),
    )
    await Promise.race([ended, setTimeout(20)])
  }
  const milliseconds = performance.now() - begin
  if (child.exitCode !== 0) throw new Error(`${words.join(' ')} exited ${child.exitCode}: ${log}`)
  return { milliseconds, memory, written: Number(/blocks (\d+)/.exec(log)?.[1]) * 512, log }
}

/** Milliseconds that an event of the log tells; 0 if there is none. */
const told = ({ log }: Cost, event: string): number =>
  Number(new RegExp(`"event":"${event}".*?"milliseconds":([\\d.]+)`).exec(log)?.[1] ?? 0)

type Work = Readonly<{
  name: string
  /** of a migration that comes next */
  up?: string
  /** besides `up`, which is `words` of a migration */
  words?: readonly string[]
  /** typed into the shell */
  sql: string
  /** SQL that goes before */
  before?: string
}>

await withFolder(async folder => {
  const [pristine, volume, migrations] = ['pristine.db', 'volume', 'migrations'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const [file, copy] = [join(volume, 'homelab.db'), join(volume, 'copy.db')]
  makeDatabase(pristine, rows)
  fillColumns(pristine)
  cpSync(firstThree, migrations, { recursive: true })
  const own = readdirSync(migrations)
  const bundle = makeBundle(folder)
  const env = {
    ...{ DATABASE_URL: `sqlite:${file}`, MIGRATOR_MIGRATIONS: migrations, NODE_COMPILE_CACHE: join(folder, 'cache') },
    ...{ MIGRATOR_LOG_LEVEL: 'debug', MIGRATOR_LOG_FORMAT: 'json' },
  }
  const ours = (...words: readonly string[]): Promise<Cost> => cost([process.execPath, ...bundle, ...words], env)

  const connection = new Database(pristine, { readonly: true })
  const metrics = String(connection.prepare("SELECT sql FROM sqlite_schema WHERE name = 'metrics'").pluck().get())
  connection.close()
  const checked = metrics.replace(/\)$/, ', CHECK (cpu_percent >= 0))')
  const rebuild = `BEGIN IMMEDIATE; ${checked.replace('`metrics`', 'rebuilt')}; INSERT INTO rebuilt SELECT * FROM metrics;
    DROP TABLE metrics; ALTER TABLE rebuilt RENAME TO metrics;
    CREATE INDEX idx_metrics_server_timestamp ON metrics (server_id, timestamp); PRAGMA foreign_key_check; COMMIT;`
  const addRoom = "await context.addColumn('metrics', 'room', 'TEXT')"
  const fill = 'UPDATE metrics SET load_5m = load_1m WHERE'
  const works: readonly Work[] = [
    { name: 'addColumn', up: addRoom, sql: 'ALTER TABLE metrics ADD COLUMN room TEXT' },
    {
      name: 'addIndex',
      up: "await context.addIndex('metrics', ['cpu_percent'])",
      sql: 'CREATE INDEX metrics_cpu ON metrics (cpu_percent)',
    },
    { name: 'rebuildTable', up: `await context.rebuildTable('metrics', ${JSON.stringify(checked)})`, sql: rebuild },
    {
      name: 'backfill',
      up: `await context.backfill('${fill} rowid BETWEEN $first AND $last', { table: 'metrics' })`,
      sql: `${fill} true`,
    },
    {
      name: 'down of a column',
      up: addRoom,
      words: ['down', '--yes'],
      before: 'ALTER TABLE metrics ADD COLUMN room TEXT',
      sql: 'ALTER TABLE metrics DROP COLUMN room',
    },
    {
      name: 'plan of a rebuild',
      up: `await context.rebuildTable('metrics', ${JSON.stringify(checked)})`,
      words: ['plan'],
      sql: `VACUUM INTO '${copy}';\n.open ${copy}\nPRAGMA foreign_keys = OFF; ${rebuild}`,
    },
    { name: 'verify', words: ['verify'], sql: 'PRAGMA quick_check; PRAGMA foreign_key_check' },
    { name: 'backup', words: ['backup'], sql: `VACUUM INTO '${copy}'` },
    {
      name: 'restore',
      words: ['restore', '--latest', '--yes'],
      before: `VACUUM INTO '${copy}'`,
      sql: `.restore ${copy}`,
    },
  ]

  const lay = (): void => {
    rmSync(volume, { recursive: true, force: true })
    mkdirSync(volume)
    copyFileSync(pristine, file)
    for (const name of readdirSync(migrations)) if (!own.includes(name)) rmSync(join(migrations, name))
  }
  let written = 0
  // each under a name of its own: Node keeps what it has imported
  const write = (up: string): void => {
    written += 1
    writeFileSync(
      join(migrations, `0004-next-${written}.js`),
      `export const up = async ({ context }) => { ${up} }
export const down = async ({ context }) => { await context.removeColumn('metrics', 'room') }\n`,
    )
  }
  /** Ours, after what has to be there before. */
  const runOurs = async ({ up, words }: Work): Promise<Cost> => {
    lay()
    await ours('up')
    if (words?.[0] === 'restore') await ours('backup')
    if (up !== undefined) write(up)
    if (words?.[0] === 'down') await ours('up')
    return ours(...(words ?? ['up']))
  }
  /** Milliseconds that the guard takes of a migration. */
  const guardOf = async ({ up, words }: Work): Promise<number> => {
    if (up === undefined || words !== undefined) return Number.NaN
    const times: number[] = []
    // in turns, and the faster one of two: the first run after another work fills caches
    for (const backup of [undefined, pristine, undefined, pristine]) {
      lay()
      write(up)
      times.push(await timeMigration(file, migrations, backup))
    }
    const [without = Number.NaN, guarded = Number.NaN, again = Number.NaN, guardedAgain = Number.NaN] = times
    return Math.min(guarded, guardedAgain) - Math.min(without, again)
  }
  const runShell = async ({ before = '', sql }: Work): Promise<Cost> => {
    lay()
    if (before !== '') await cost(['sqlite3', file, before], {})
    return cost(['sqlite3', '-bail', file], {}, `PRAGMA foreign_keys = OFF;\n${sql}\n;`)
  }

  const before = loads()
  const head = [
    '| | sqlite3 shell | ours | times | of it the backup | looking for every row | the guard | all else, times the shell | memory | written | by the shell |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
  ]
  console.log(head.join('\n'))
  const [table, raw]: [string[], Raw[]] = [[], []]
  const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`
  for (const work of works) {
    const turns: Readonly<{ shell: Cost; own: Cost; guard: number }>[] = []
    for (let round = 0; round < rounds; round += 1)
      turns.push({ shell: await runShell(work), own: await runOurs(work), guard: await guardOf(work) })
    const middle = (of: (turn: (typeof turns)[number]) => number): number => median(turns.map(of))
    const [shell, own] = [middle(turn => turn.shell.milliseconds), middle(turn => turn.own.milliseconds)]
    const [backup, compared] = [
      middle(turn => told(turn.own, 'backup.made')),
      middle(turn => told(turn.own, 'rows.compared')),
    ]
    const guard = middle(turn => turn.guard)
    const memory = Math.max(...turns.map(turn => turn.own.memory))
    const rest = own - backup - compared - (guard || 0)
    const [written, byShell] = [middle(turn => turn.own.written), middle(turn => turn.shell.written)]
    const line = `| ${[
      work.name,
      ...[seconds(shell), seconds(own), (own / shell).toFixed(2), seconds(backup), seconds(compared)],
      Number.isNaN(guard) ? '' : `${seconds(guard)}, ${((guard / own) * 100).toFixed(0)} %`,
      ...[(rest / shell).toFixed(2), ...[memory, written, byShell].map(bytes => formatBytes(bytes))],
    ].join(' | ')} |`
    console.log(line)
    table.push(line)
    raw.push(
      ...turns.map(({ shell, own, guard }, turn) => ({
        ...{ work: work.name, turn, ours_ms: Math.round(own.milliseconds), shell_ms: Math.round(shell.milliseconds) },
        ...{ backup_ms: told(own, 'backup.made'), compared_ms: told(own, 'rows.compared') },
        ...(Number.isNaN(guard) ? {} : { guard_ms: Math.round(guard) }),
        ...{ memory: own.memory, written: own.written, written_by_shell: shell.written },
      })),
    )
    const isSlow = work.words === undefined && compared > limits.comparison * backup
    if (memory > limits.memory || isSlow || guard > limits.guard * own) process.exitCode = 1
  }
  const load = `load ${before} before, ${loads()} after`
  const facts = `${machine()}; ${formatCount(rows)} metrics, medians of ${formatThings(rounds, 'turn')}; ${load}.`
  console.log(facts)
  if (rows !== usual) return
  keepRows('big', { metrics: rows, rounds, load }, raw)
  writeInto('performance.md', 'bench of big tables', [facts, '', ...head, ...table].join('\n'))
})

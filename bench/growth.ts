/**
 * How cost grows with migrations, tables and rows: CPU seconds of runs from a checkout, and the exponent e of n^e that fits them, of all
 * but what a run costs anyway. `npm run bench:growth [LARGEST]` writes docs/performance.md and docs/growth.json.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { formatCount } from '../src/text.ts'
import { median, program, withFolder } from './measure.ts'
import { keepRows, loads, machine, writeInto } from './raw.ts'

const rounds = 15
const largest = Number(process.argv[2] ?? 1_000_000)

type Place = Readonly<{ volume: string; migrations: string }>

const cpuOf = ({ volume, migrations }: Place, words: readonly string[], file = program): number => {
  const script = `TIMEFORMAT='%U %S'; time "$@" >/dev/null 2>&1`
  const { stderr, status } = spawnSync('bash', ['--norc', '-c', script, 'bash', process.execPath, file, ...words], {
    env: {
      ...{ PATH: '/usr/bin:/bin', MIGRATOR_REQUIRE_MOUNT: 'never', MIGRATOR_MIGRATIONS: migrations },
      DATABASE_URL: `sqlite:${join(volume, 'homelab.db')}`,
    },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${words.join(' ')} exited ${status}: ${stderr}`)
  return stderr
    .trim()
    .split(' ')
    .reduce((sum, seconds) => sum + Number(seconds), 0)
}

/** A folder of so many migrations, and an empty volume. */
const makePlace = (folder: string, name: string, texts: readonly string[]): Place => {
  const place = { volume: join(folder, name, 'data'), migrations: join(folder, name, 'migrations') }
  for (const made of Object.values(place)) mkdirSync(made, { recursive: true })
  for (const [index, text] of texts.entries()) addMigration(place, index + 1, text)
  return place
}
const addMigration = ({ migrations }: Place, number: number, text: string): void =>
  writeFileSync(join(migrations, `${String(number).padStart(4, '0')}-do-it.sql`), `-- migrate:up\n${text};\n`)

const createTable = (index: number): string => `CREATE TABLE t${index} (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`
const upTo = <T>(count: number, make: (index: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, index) => make(index))

/**
 * The exponent that fits the largest three best: whole costs, or what they are over the smallest. What is less than half of that is lost
 * in what two runs differ by.
 * @returns null where too few grow by more to be fitted
 */
const exponentOf = (sizes: readonly number[], costs: readonly number[], isWhole: boolean): number | null => {
  const base = isWhole ? 0 : Math.min(...costs)
  const points = sizes
    .map((size, index) => ({ x: Math.log(size), over: (costs[index] ?? 0) - base }))
    .filter(({ over }) => over > base / 2)
    .map(({ x, over }) => ({ x, y: Math.log(over) }))
    .slice(-3)
  if (points.length < 2) return null
  const mean = (of: (point: Readonly<{ x: number; y: number }>) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [x, y] = [mean(point => point.x), mean(point => point.y)]
  return mean(point => (point.x - x) * (point.y - y)) / mean(point => (point.x - x) ** 2)
}

const formatExponent = (exponent: number | null): string => exponent?.toFixed(2) ?? 'too little to fit'

/** The row of what every program has to take that asks SQLite for anything. */
const alone = 'one row of the schema by better-sqlite3 alone'
const isShort = (what: string): boolean => what === 'nothing to do' || what === alone

type Line = Readonly<{
  axis: string
  what: string
  sizes: readonly number[]
  costs: readonly number[]
  exponent: number | null
}>

await withFolder(folder => {
  const lines: Line[] = []
  const note = (axis: string, what: string, sizes: readonly number[], costs: readonly number[]): void => {
    const line = { axis, what, sizes, costs, exponent: exponentOf(sizes, costs, isShort(what)) }
    lines.push(line)
    console.log(axis, what, costs.map(cost => cost.toFixed(2)).join(' '), formatExponent(line.exponent))
  }
  const migrations = [1, 10, 100, 1000]
  const oneTable = (index: number): string => (index === 0 ? createTable(0) : `INSERT INTO t0 VALUES (${index}, 'x')`)
  const rowsEach = migrations.map(count => makePlace(folder, `rows-${count}`, upTo(count, oneTable)))
  // fills the compile cache
  cpuOf(makePlace(folder, 'warm', upTo(2, oneTable)), ['up'])
  const tablesEach = migrations.map(count => makePlace(folder, `made-${count}`, upTo(count, createTable)))
  for (const [axis, places] of [
    ['migrations that each write a row', rowsEach],
    ['migrations that each make a table', tablesEach],
  ] as const) {
    note(
      axis,
      'first run',
      migrations,
      places.map(place => cpuOf(place, ['up'])),
    )
    note(
      axis,
      'nothing to do',
      migrations,
      places.map(place => median(upTo(rounds, () => cpuOf(place, ['up'])))),
    )
  }

  const tables = [1, 10, 100, 1000, 5000]
  /** A volume with one migration applied, so many tables of the hub's own, and one pending. */
  const makeTables = (name: string, count: number, create: (index: number) => string): Place => {
    const place = makePlace(folder, `${name}-${count}`, [createTable(0), 'CREATE TABLE more (id INTEGER PRIMARY KEY)'])
    cpuOf(place, ['up', '--to', '1'])
    const connection = new Database(join(place.volume, 'homelab.db'))
    connection.transaction(() => upTo(count, index => connection.exec(create(index + 1))))()
    connection.close()
    return place
  }
  const many = tables.map(count => makeTables('tables', count, createTable))
  note(
    'tables',
    'one migration pending',
    tables,
    many.map(place => cpuOf(place, ['up'])),
  )
  for (const [what, words] of [
    ['nothing to do', ['up']],
    ['status', ['status']],
  ] as const)
    note(
      'tables',
      what,
      tables,
      many.map(place => median(upTo(rounds, () => cpuOf(place, words)))),
    )

  // SQLite parses the texts of all tables before it answers anything
  const open = join(folder, 'open.cjs')
  const driver = JSON.stringify(join(program, '../../node_modules/better-sqlite3'))
  const ask = "prepare('SELECT 1 FROM sqlite_schema').get()"
  writeFileSync(open, `new (require(${driver}))(process.env.DATABASE_URL.slice('sqlite:'.length)).${ask}`)
  note(
    'tables',
    alone,
    tables,
    many.map(place => median(upTo(rounds, () => cpuOf(place, [], open)))),
  )
  const withKey = (index: number): string => `CREATE TABLE c${index} (x INTEGER REFERENCES t0 ON DELETE CASCADE)`
  const cascades = tables.slice(0, 4).map(count => makeTables('cascades', count, withKey))
  note(
    'tables with ON DELETE CASCADE',
    'one migration pending',
    tables.slice(0, 4),
    cascades.map(place => cpuOf(place, ['up'])),
  )

  const rows = [0, 10_000, 100_000, 1_000_000, 5_000_000, 20_000_000].filter(count => count <= largest)
  const own = join(program, '../../migrations')
  const filled = rows.map(count => {
    const place = makePlace(folder, `metrics-${count}`, [])
    cpSync(own, place.migrations, { recursive: true })
    cpuOf(place, ['up', '--to', '2'])
    const connection = new Database(join(place.volume, 'homelab.db'))
    connection.exec(`INSERT INTO servers (id, hostname) VALUES ('a', 'a.lan');
      WITH RECURSIVE n(i) AS (SELECT 1 WHERE ${count} > 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
      INSERT INTO metrics (server_id, timestamp, cpu_percent) SELECT 'a', datetime('2026-01-01', '+' || i || ' minutes'), i % 100 FROM n`)
    connection.close()
    return place
  })
  // what the kernel still has to write of them would be counted as the program's
  spawnSync('sync')
  const sizes = rows.map(count => Math.max(count, 1))
  note(
    'metrics',
    'one migration pending, with its backup',
    sizes,
    filled.map(place => cpuOf(place, ['up'])),
  )
  for (const [what, words] of [
    ['nothing to do', ['up']],
    ['backup', ['backup']],
    ['verify', ['verify']],
  ] as const) {
    note(
      'metrics',
      what,
      sizes,
      filled.map(place => median(upTo(what === 'nothing to do' ? rounds : 3, () => cpuOf(place, words)))),
    )
  }
  rmSync(folder, { recursive: true })
  mkdirSync(folder)

  keepRows(
    'growth',
    { rounds, loads: loads(), unit: 'CPU seconds' },
    lines.map(({ sizes, costs, ...line }) => ({
      ...line,
      sizes: sizes.join(' '),
      costs: costs.map(cost => cost.toFixed(3)).join(' '),
    })),
  )
  const table = lines.map(
    ({ axis, what, sizes, costs, exponent }) =>
      `| ${axis} | ${what} | ${sizes.map(formatCount).join(', ')} | ${costs.map(cost => cost.toFixed(2)).join(', ')} | ${formatExponent(exponent)} |`,
  )
  const text = [
    `${machine()}; load ${loads()}.`,
    '',
    '| of | run | how many | CPU seconds | exponent |',
    '|---|---|---|---|---|',
    ...table,
  ]
  writeInto('performance.md', 'bench of growth', text.join('\n'))
})

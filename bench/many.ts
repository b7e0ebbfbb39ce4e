/**
 * What much of everything costs: `up`, `status`, `verify` and `plan` with 500 applied migrations, none pending, and 5,000 tables, beside
 * the same with the program's own three migrations. CPU seconds of a run from a checkout with its helpers, the median of three;
 * `npm run bench:many` prints them as they stand in docs/performance.md.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { readMigrationFiles } from '../src/migrations/files.ts'
import { prepareHistory, recordApplied } from '../src/sqlite/write-history.ts'
import { formatCount } from '../src/text.ts'
import { median, program, withFolder } from './measure.ts'

const rounds = 3
const [migrations, tables] = [500, 10]

const createTable = (number: number, index: number): string =>
  `CREATE TABLE t${number}_${index} (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`

/** A migration that makes ten tables. */
const create = (number: number): string => {
  const statements = Array.from(
    { length: tables },
    (_, index) => `  await context.sequelize.query('${createTable(number, index)}')`,
  )
  return `export const up = async ({ context }) => {\n${statements.join('\n')}\n}\n`
}

/** CPU seconds of a run, user and system, as bash tells them. */
const measure = (words: readonly string[], env: Readonly<Record<string, string>>): number => {
  const script = `TIMEFORMAT='%U %S'; time "$@" >/dev/null 2>&1`
  const { status, stderr } = spawnSync('bash', ['--norc', '-c', script, 'bash', process.execPath, program, ...words], {
    env: { PATH: '/usr/bin:/bin', MIGRATOR_REQUIRE_MOUNT: 'never', ...env },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${words.join(' ')} exited ${status}: ${stderr}`)
  const [user = 0, system = 0] = stderr.trim().split(' ').map(Number)
  return user + system
}

/** Makes the database that the migrations make, with its history, at once. */
const makeDatabase = (file: string, sources: string): void => {
  const connection = new Database(file)
  connection.transaction(() => {
    const known = readMigrationFiles(sources)
    prepareHistory(connection, known)
    for (const { name, checksum } of known)
      recordApplied(connection, { name, checksum, applied_at: null, duration_ms: null, migrator: null })
    for (let number = 1; number <= migrations; number += 1)
      for (let index = 0; index < tables; index += 1) connection.exec(createTable(number, index))
  })()
  connection.close()
}

await withFolder(folder => {
  const [few, many] = ['few', 'many'].map(name => {
    const sources = join(folder, name, 'migrations')
    mkdirSync(sources, { recursive: true })
    return { DATABASE_URL: `sqlite:${join(folder, name, 'homelab.db')}`, MIGRATOR_MIGRATIONS: sources }
  })
  if (few === undefined || many === undefined) return
  const add = (sources: string, number: number) =>
    writeFileSync(join(sources, `${String(number).padStart(4, '0')}-create-tables.js`), create(number))
  cpSync(join(program, '../../migrations'), few.MIGRATOR_MIGRATIONS, { recursive: true })
  for (let number = 1; number <= migrations; number += 1) add(many.MIGRATOR_MIGRATIONS, number)
  makeDatabase(join(folder, 'many/homelab.db'), many.MIGRATOR_MIGRATIONS)
  const volumes = [few, many]
  // the first one writes the marker
  for (const env of volumes) measure(['up'], env)
  const row = (name: string, words: readonly string[], times: number): string => {
    const seconds = volumes.map(env => median(Array.from({ length: times }, () => measure(words, env))))
    return `| ${name} | ${seconds.map(time => time.toFixed(2)).join(' | ')} |`
  }
  const rows = ['up', 'status', 'verify', 'plan'].map(name => row(name, [name], rounds))
  console.log(
    [
      `| CPU seconds | 3 migrations, 2 tables | ${migrations} migrations, ${formatCount(migrations * tables)} tables |`,
      '|---|---|---|',
      ...rows,
    ].join('\n'),
  )
})

/**
 * The program's own migrations as the statements that they run on an empty database: src/sqlite/compiled/migrations.ts, by which `up`
 * applies them without loading their code and Sequelize.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { StatementHook } from '../src/engine.ts'
import { readMigrationFiles } from '../src/migrations/files.ts'
import { loadMigrations } from '../src/migrations/load.ts'
import type { Compiled } from '../src/sqlite/compiled/compiled.ts'
import { readObjects } from '../src/sqlite/reader.ts'
import { migratableOn } from '../src/sqlite/transaction.ts'
import { runAll } from '../src/verify/run-all.ts'

/** What runs the same on every database with the same objects, whatever its rows are. */
const isPlain = (sql: string): boolean =>
  /^\s*(?:CREATE (?:TABLE|INDEX)\b|ALTER TABLE \S+ ADD COLUMN\b(?!.*NOT NULL))/is.test(sql)

export const compileMigrations = async (folder: string): Promise<readonly Compiled[]> => {
  const files = readMigrationFiles(folder)
  const { signal } = new AbortController()
  const migrations = await loadMigrations(files, signal)
  const connection = new Database(':memory:')
  const objects = (): ReadonlyMap<string, string> =>
    new Map(readObjects(connection).map(({ name, sql }) => [name, sql]))
  const made: Compiled[] = []
  let asked: { readonly sql: string; readonly bound: readonly unknown[] }[] = []
  let before: ReadonlyMap<string, string> = new Map()
  const note: StatementHook = (statement, execute) => {
    asked.push({ sql: statement.sql, bound: Object.values(statement.bound) })
    return execute()
  }
  const add = (): void => {
    const migration = migrations[made.length]
    if (migration === undefined) throw new Error('more ran than there are')
    const { name, checksum, removesRows } = migration
    const isSame = asked.every(({ sql, bound }) => isPlain(sql) && bound.length === 0) && removesRows.length === 0
    const after = objects()
    const changed = [...new Set([...before.keys(), ...after.keys()])].filter(key => before.get(key) !== after.get(key))
    made.push({
      ...{
        name,
        checksum,
        sql: isSame ? asked.map(({ sql }) => `${sql.replace(/;?\s*$/, '')};`).join('\n') : undefined,
      },
      objects: Object.fromEntries(changed.map(key => [key, after.get(key) ?? null])),
    })
    asked = []
    before = after
  }
  connection.exec('BEGIN')
  const database = migratableOn(connection)
  const prepareHistory: typeof database.prepareHistory = async (...given) => {
    await database.prepareHistory(...given)
    // the history is no object of a migration
    before = objects()
  }
  await runAll({ ...database, prepareHistory }, migrations, { version: '', signal, hook: note, afterEach: add })
  connection.close()
  return made
}

/** The same as a module, as Biome formats it. */
export const compile = async (folder: string): Promise<string> => {
  const text = [
    '// `npm run docs` writes this file (scripts/compile.ts).',
    "import type { Compiled } from './compiled.ts'",
    `export const migrations: readonly Compiled[] = ${JSON.stringify(await compileMigrations(folder))}`,
  ].join('\n')
  const words = ['format', '--stdin-file-path=src/sqlite/compiled/migrations.ts']
  const root = join(import.meta.dirname, '..')
  const biome = join(root, 'node_modules/.bin/biome')
  const { status, stdout, stderr } = spawnSync(biome, words, { cwd: root, input: text, encoding: 'utf8' })
  if (status !== 0) throw new Error(`biome exited ${status}: ${stderr}`)
  return stdout
}

// This room is about SQLite.
import Database from 'better-sqlite3'
import { MigrationError } from 'umzug'
import { Failure } from '../failure.ts'
import { migrationFailed } from '../migrations/blame.ts'
import type { LoadedMigration } from '../migrations/load.ts'
import { createRunner, createWatch, idleLimit } from '../migrations/run.ts'
import type { Connection } from '../sqlite/connect.ts'
import { compareSchemas, compareTables, type Finding } from '../sqlite/schema/compare.ts'
import { readAppSchema, type Schema, type Table, tableNamed, without } from '../sqlite/schema/read.ts'
import { foldName, isSameSql, sameName } from '../sqlite/sql.ts'
import { migratableOn } from '../sqlite/transaction.ts'

/**
 * The schema after the last of the migrations, run on an empty in-memory database. Reads and writes nothing on the volume.
 * @param version of this program
 * @param signal stops the running migration
 * @throws Failure MIGRATION_FAILED naming the migration that fails on an empty database; the signal's reason
 */
export const expectedStructure = (
  migrations: readonly LoadedMigration[],
  version: string,
  signal: AbortSignal,
): Promise<Schema> => applyOnce(migrations, version, signal, () => undefined, readAppSchema)

/** Like expectedStructure, but returns the schema after each of the migrations. */
export const expectedSchemas = async (
  migrations: readonly LoadedMigration[],
  version: string,
  signal: AbortSignal,
): Promise<readonly Schema[]> => {
  const structures: Schema[] = []
  const add = (connection: Connection) => structures.push(readAppSchema(connection))
  return applyOnce(migrations, version, signal, add, () => structures)
}

/** Runs without the guard, which counts every table's rows around each migration: here there are no rows to lose. */
const applyOnce = async <T>(
  migrations: readonly LoadedMigration[],
  version: string,
  signal: AbortSignal,
  afterEach: (connection: Connection) => void,
  atEnd: (connection: Connection) => T,
): Promise<T> => {
  const connection = new Database(':memory:')
  const database = migratableOn(connection)
  const watch = createWatch(signal, idleLimit, database.refusal)
  try {
    // as around `up`; the transaction ends when this private database closes
    connection.exec('PRAGMA foreign_keys = OFF; BEGIN')
    await database.prepareHistory(migrations)
    const runner = createRunner(database, migrations, {
      version,
      executed: async () => [],
      within: async (migration, work, record) => {
        await watch.run(migration, work).catch(error => {
          throw migrationFailed(migration, error)
        })
        await record()
      },
      hook: (asked, execute) => {
        watch.before(asked.sql)
        return execute()
      },
      onApplied: () => afterEach(connection),
      onProgress: () => undefined,
    })
    await runner.up()
    return atEnd(connection)
  } catch (error) {
    throw signal.reason instanceof Failure ? signal.reason : error instanceof MigrationError ? error.cause : error
  } finally {
    connection.close()
  }
}

type Match = Readonly<{
  /** how many migrations, from the first, the schema corresponds to */
  length: number
  /** how it deviates from what they make; a match if none is a difference */
  findings: readonly Finding[]
}>

/**
 * How many of the migrations correspond to a schema that another tool made. A pure function.
 *
 * Of several matches it picks the one with the fewest additional objects (before a migration removes something, it is still
 * there), then the shortest: the rest are migrations that only change rows, which have not run here. An object that a later
 * migration makes is a difference, not an addition, because that migration would find the name taken; an index in the same form
 * is allowed, and, if nothing else matches, so are all the tables of a later migration in the same form. Without a match it returns
 * the nearest prefix.
 * @param structures the schema after each migration, from expectedSchemas: at least one
 * @param least how many are applied for certain
 */
export const matchPrefix = (structures: readonly Schema[], found: Schema, least: number): Match => {
  const additions = structures.map((structure, index) => additionsOf(structures[index - 1] ?? nothing, structure))
  // from the last one backwards, so that what later migrations make is known
  const later = new Map<string, readonly Finding[]>()
  const matches = structures
    .map((expected, index): Match => ({ length: index + 1, findings: compareSchemas(expected, found, adopted) }))
    .toReversed()
    .map(({ length, findings }) => {
      const match = {
        length,
        findings: findings.map(finding => refuseLater(finding, later.get(foldName(finding.object)) ?? [])),
      }
      for (const [object, made] of Map.groupBy(additions[length - 1] ?? [], ({ object }) => foldName(object)))
        later.set(object, [...made, ...(later.get(object) ?? [])])
      return match
    })
    .filter(({ length }) => length >= least)
    .toReversed()
  const nearest = matches.reduce((best, match) => (isNearer(match, best) ? match : best))
  if (differences(nearest) === 0) return nearest
  const [alike] = matches
    .map(
      ({ length, findings }): Match => ({
        length,
        findings: findings.map(finding =>
          isMadeAlike(finding, structures, length, found) ? { ...finding, weight: 'information' } : finding,
        ),
      }),
    )
    .filter(match => differences(match) === 0)
    .toSorted((a, b) => extraTables(a) - extraTables(b))
  return alike ?? nearest
}

const adopted = { adopted: true }
const nothing: Schema = { tables: [], views: [], triggers: [] }

/** What one migration makes: new objects, and everything in a new table. */
const additionsOf = (before: Schema, after: Schema): readonly Finding[] => {
  const made = without(after, before)
  const bare = made.map(table => ({ ...table, columns: [], foreignKeys: [], indexes: [] }))
  return [
    ...compareSchemas(before, after, adopted),
    ...compareSchemas({ ...nothing, tables: bare }, { ...nothing, tables: made }, adopted),
  ].filter(({ what }) => what === 'extra')
}

/** Whether a later migration makes an additional table in the same form, and every other table of that migration is there, too. */
const isMadeAlike = (
  { what, object }: Finding,
  structures: readonly Schema[],
  length: number,
  found: Schema,
): boolean => {
  if (what !== 'extra' || !object.startsWith('table ')) return false
  const made = structures
    .map((structure, index) => (index < length ? [] : without(structure, structures[index - 1] ?? nothing)))
    .find(tables => tables.some(({ name }) => sameName(`table ${name}`, object)))
  return (made ?? []).length > 0 && (made ?? []).every(table => isThere(table, found))
}

const isThere = (table: Table, found: Schema): boolean => {
  const present = tableNamed(found, table.name)
  return (
    present !== undefined && compareTables(table, present, 'tolerated').every(({ weight }) => weight !== 'difference')
  )
}

/**
 * The last migration that `up` may run before a later one finds its tables there already, which then is to be adopted in its turn;
 * undefined if there is none such.
 */
export const beforeNextMade = (structures: readonly Schema[], found: Schema, length: number): number | undefined => {
  const next = structures.findIndex((structure, index) => {
    const made = index < length ? [] : without(structure, structures[index - 1] ?? nothing)
    return made.some(({ name }) => tableNamed(found, name) !== undefined)
  })
  return next > length ? next - 1 : undefined
}

/** @param made what later migrations make under the name of the finding's object */
const refuseLater = (finding: Finding, made: readonly Finding[]): Finding => {
  if (finding.what !== 'extra' || made.length === 0) return finding
  // `found` of a table lists only its columns, so it cannot show that two are the same
  const isSame = made.some(
    ({ object, found }) => !object.startsWith('table ') && isSameSql(`${found}`, `${finding.found}`),
  )
  if (isSame) return finding
  return { ...finding, weight: 'difference' }
}

/** Compares misplaced tables first, so that the nearest match has the same tables, then differences, then additions. */
const isNearer = (a: Match, b: Match): boolean => {
  const [first = 0] = [misplacedTables, differences, additions].map(count => count(a) - count(b)).filter(Boolean)
  return first < 0
}

const differences = ({ findings }: Match): number => findings.filter(({ weight }) => weight === 'difference').length
const additions = ({ findings }: Match): number => findings.filter(({ what }) => what === 'extra').length
const extraTables = ({ findings }: Match): number =>
  findings.filter(({ object, what }) => what === 'extra' && object.startsWith('table ')).length
const misplacedTables = ({ findings }: Match): number =>
  findings.filter(
    ({ weight, object, what }) =>
      weight === 'difference' && object.startsWith('table ') && /^(?:missing|extra)$/.test(what),
  ).length

import { MigrationError, Umzug } from 'umzug'
import type { Connection } from '../database/open.ts'
import { connectSequelize } from '../database/sequelize.ts'
import { toFailure } from '../database/sqlite-failure.ts'
import { Failure } from '../failure.ts'
import { findLosses, takeSnapshot } from './guard.ts'
import { prepareHistory, readHistory, recordApplied, removeApplied } from './history.ts'
import type { LoadedMigration } from './load.ts'

export type Applied = Readonly<{ name: string; milliseconds: number }>

/**
 * Applies the pending ones of the loaded migrations, in order, and records each: Umzug runs them, on a QueryInterface over
 * the given connection. Must be called inside the transaction that undoes it all when this throws.
 * @returns the applied ones, with how long each took
 * @throws Failure MIGRATION_FAILED naming the migration; the signal's reason once it is aborted
 */
export const applyMigrations = async (
  connection: Connection,
  migrations: readonly LoadedMigration[],
  version: string,
  signal: AbortSignal,
): Promise<readonly Applied[]> => {
  const sequelize = connectSequelize(connection, () => signal.throwIfAborted())
  const applied: Applied[] = []
  let before = takeSnapshot(connection)

  const guarded =
    (migration: LoadedMigration): LoadedMigration['up'] =>
    async params => {
      const start = performance.now()
      await migration.up(params)
      const after = takeSnapshot(connection)
      const losses = findLosses(before, after, migration.removesRows)
      if (losses.length > 0) throw lostData(migration.name, losses)
      before = after
      applied.push({ name: migration.name, milliseconds: Math.round(performance.now() - start) })
    }

  prepareHistory(connection, migrations)
  const umzug = new Umzug({
    migrations: migrations.map(migration => ({ name: migration.name, path: migration.file, up: guarded(migration) })),
    context: sequelize.getQueryInterface(),
    logger: undefined,
    storage: {
      executed: async () => readHistory(connection).map(({ name }) => name),
      logMigration: async ({ name }) => {
        recordApplied(connection, {
          name,
          checksum: migrations.find(migration => migration.name === name)?.checksum ?? null,
          applied_at: new Date().toISOString(),
          duration_ms: applied.at(-1)?.milliseconds ?? null,
          migrator: version,
        })
      },
      unlogMigration: async ({ name }) => removeApplied(connection, name),
    },
  })
  try {
    await umzug.up()
  } catch (error) {
    throw signal.aborted ? signal.reason : failureOf(error, connection.name)
  }
  return applied
}

const lostData = (name: string, losses: readonly string[]): Failure =>
  new Failure(
    'MIGRATION_FAILED',
    `migration ${name} lost data: ${losses.join('; ')}`,
    'Everything was rolled back. Rows that are meant to go are announced: export const removesRows = [...].',
  )

/** Umzug wraps what a migration threw and names it; a full disk and a damaged file are no fault of the migration. */
const failureOf = (error: unknown, path: string): unknown => {
  if (!(error instanceof MigrationError)) return error
  const failure = toFailure(error.cause, path)
  if (failure instanceof Failure) return failure
  return new Failure(
    'MIGRATION_FAILED',
    `migration ${error.migration.name} failed: ${reasonOf(error.cause)}`,
    'Everything was rolled back; the database is as it was. Mend the migration, then start again.',
    error.cause,
  )
}

/** Sequelize's own message may be a bare "Validation error"; what SQLite said is in `parent`. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return 'parent' in error ? reasonOf(error.parent) : error.message
}

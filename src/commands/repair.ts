import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'
import { type AppliedMigration, wasAdopted } from '../history.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { loadMigrations } from '../migrations/load.ts'
import { migrationMeant, namesHint } from '../named.ts'
import { dialectOf } from '../on-server/history.ts'
import { loadForTrial } from '../on-server/online.ts'
import { requireDatabase } from '../ready/lost.ts'
import { commitWithoutMarker, refuseOthersMarker } from '../ready/marker.ts'
import { readHistory } from '../sqlite/history.ts'
import { compareSchemas, type Finding } from '../sqlite/schema/compare.ts'
import { readAppSchema } from '../sqlite/schema/read.ts'
import { withDatabase } from '../sqlite/transaction.ts'
import { prepareHistory, recordChecksum } from '../sqlite/write-history.ts'
import { listed } from '../text.ts'
import { expectedStructure } from '../verify/expected.ts'
import { findingLine } from './verify.ts'

/**
 * Records the checksum of an applied migration's present text, for a person who has reviewed the change. Refuses it
 * if the migrations, as they are now, make another schema than the database has, unless `force` is given. Withdraws the ready marker; the next
 * `up` checks everything and writes it again. Does nothing if the checksum is right.
 * @throws Failure CONFIG_INVALID if the name is not both known and applied; SCHEMA_DRIFT; MIGRATION_FAILED if the migrations do not
 *   run on an empty database; whatever opening and locking throw
 */
export const repair = async (
  context: Context,
  word: string,
  { force }: Readonly<{ force: boolean }>,
): Promise<void> => {
  const { config, engine, log } = context
  const isFile = engine.server === undefined
  await engine.validate('write')
  if (isFile) refuseOthersMarker(config)
  const known = readMigrationFiles(config.migrations, dialectOf(engine))
  const migration = migrationMeant(word, known, config.migrations)
  if (isFile) await requireDatabase(engine, config)
  const { name, checksum } = migration
  const before = isFile
    ? await repairFile(context, known, migration, force)
    : await repairOnServer(context, known, migration, force)
  if (before === checksum)
    log.info('repair.nothing', `nothing to repair: ${name} is recorded as it is`, { name, checksum })
  else log.info('repair.done', `recorded the present text of ${name}`, { name, checksum })
}

/** @returns the checksum that was recorded before */
const repairFile = async (
  context: Context,
  known: readonly MigrationFile[],
  migration: MigrationFile,
  force: boolean,
): Promise<string | null> => {
  const { config, engine, signal, version } = context
  const { name, checksum } = migration
  return withDatabase(context, config.database, async ({ commit, connection }) => {
    const history = readHistory(connection)
    const applied = history.find(candidate => candidate.name === name)
    if (applied === undefined) throw notApplied(name, config.database)
    if (applied.checksum === checksum) return checksum
    if (!force) {
      const made = known.filter(file => history.some(row => row.name === file.name))
      const expected = await expectedStructure(await loadMigrations(made, signal), version, signal)
      const findings = compareSchemas(expected, readAppSchema(connection), { adopted: wasAdopted(history) })
      refuseDifferent(name, config.database, findings)
    }
    prepareHistory(connection, known)
    recordChecksum(connection, migration)
    await commitWithoutMarker(engine, config.readyFile, commit)
    return applied.checksum
  })
}

/** The same on a server, which has no marker. */
const repairOnServer = async (
  context: Context,
  known: readonly MigrationFile[],
  { name, checksum }: MigrationFile,
  force: boolean,
): Promise<string | null> => {
  const { config, engine } = context
  const session = await engine.open()
  try {
    return await session.transaction(async transaction => {
      const history = await transaction.history()
      const applied = history.find(candidate => candidate.name === name)
      if (applied === undefined) throw notApplied(name, config.database)
      if (applied.checksum === checksum) return checksum
      if (!force) refuseDifferent(name, config.database, await differencesOnServer(context, known, history))
      await transaction.prepareHistory(known)
      await transaction.unrecord(name)
      await transaction.record({ ...applied, checksum })
      return applied.checksum
    })
  } finally {
    await session.close()
  }
}

const differencesOnServer = async (
  context: Context,
  known: readonly MigrationFile[],
  history: readonly AppliedMigration[],
): Promise<readonly Finding[]> => {
  const made = known.filter(file => history.some(row => row.name === file.name))
  const { differencesFrom } = await import('../verify/on-server.ts')
  return differencesFrom(context, await loadForTrial(made, context.signal), { adopted: wasAdopted(history) })
}

const notApplied = (name: string, database: string): Failure =>
  new Failure('CONFIG_INVALID', `${name} is not applied in ${database}`, namesHint)

const refuseDifferent = (name: string, database: string, findings: readonly Finding[]): void => {
  const differences = findings.filter(({ weight }) => weight === 'difference').map(findingLine)
  if (differences.length === 0) return
  throw new Failure(
    'SCHEMA_DRIFT',
    `with the present text of ${name} the migrations make a different schema than ${database} has: ${listed(differences, '; ')}`,
    `Put the old text back and make the change in a new migration. \`migrator repair ${name} --force\` records it all the same.`,
  )
}

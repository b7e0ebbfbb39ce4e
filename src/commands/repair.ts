import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { namesHint, unknownMigration } from '../migrations/plan.ts'
import { requireDatabase } from '../ready/lost.ts'
import { refuseOthersMarker, withdrawMarker } from '../ready/marker.ts'
import { readHistory } from '../sqlite/history.ts'
import { withDatabase } from '../sqlite/transaction.ts'
import { prepareHistory, recordChecksum } from '../sqlite/write-history.ts'

/**
 * Records the checksum of an applied migration's present text, for a person who has reviewed the change and knows the schema is
 * the same. Withdraws the ready marker; the next `up` checks everything and writes it again. Does nothing if the checksum is right.
 * @throws Failure CONFIG_INVALID if the name is not both known and applied; whatever opening and locking throw
 */
export const repair = async (context: Context, name: string): Promise<void> => {
  const { config, engine, log } = context
  const isFile = engine.server === undefined
  await engine.validate('write')
  if (isFile) refuseOthersMarker(config)
  const known = readMigrationFiles(config.migrations, isFile ? 'sqlite' : 'postgres')
  const migration = known.find(candidate => candidate.name === name)
  if (migration === undefined) throw unknownMigration(name, known, config.migrations)
  if (isFile) await requireDatabase(engine, config)
  const { checksum } = migration
  const before = isFile ? await repairFile(context, known, migration) : await repairOnServer(context, known, migration)
  if (before === checksum)
    log.info('repair.nothing', `${name} is recorded as it is: nothing to repair`, { name, checksum })
  else log.info('repair.done', `${name}: recorded ${checksum} in place of ${before}`, { name, checksum })
}

/** @returns the checksum that was recorded before */
const repairFile = async (
  context: Context,
  known: readonly MigrationFile[],
  migration: MigrationFile,
): Promise<string | null> => {
  const { config } = context
  const { name, checksum } = migration
  return withDatabase(context, config.database, async ({ connection }) => {
    const applied = readHistory(connection).find(candidate => candidate.name === name)
    if (applied === undefined) throw notApplied(name, config.database)
    if (applied.checksum === checksum) return checksum
    prepareHistory(connection, known)
    recordChecksum(connection, migration)
    withdrawMarker(config.readyFile)
    return applied.checksum
  })
}

/** The same on a server, which has no marker. */
const repairOnServer = async (
  { config, engine }: Context,
  known: readonly MigrationFile[],
  { name, checksum }: MigrationFile,
): Promise<string | null> => {
  const session = await engine.open()
  try {
    return await session.transaction(async transaction => {
      const applied = (await transaction.history()).find(candidate => candidate.name === name)
      if (applied === undefined) throw notApplied(name, config.database)
      if (applied.checksum === checksum) return checksum
      await transaction.prepareHistory(known)
      await transaction.unrecord(name)
      await transaction.record({ ...applied, checksum })
      return applied.checksum
    })
  } finally {
    await session.close()
  }
}

const notApplied = (name: string, database: string): Failure =>
  new Failure('CONFIG_INVALID', `${name} is not applied in ${database}`, namesHint)

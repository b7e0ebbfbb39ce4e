import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'
import { wasAdopted } from '../history.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { loadMigrations } from '../migrations/load.ts'
import { migrationMeant, namesHint } from '../migrations/plan.ts'
import { requireDatabase } from '../ready/lost.ts'
import { refuseOthersMarker, withdrawMarker } from '../ready/marker.ts'
import { readHistory } from '../sqlite/history.ts'
import { compareSchemas, type Finding } from '../sqlite/schema/compare.ts'
import { readAppSchema } from '../sqlite/schema/read.ts'
import { withDatabase } from '../sqlite/transaction.ts'
import { prepareHistory, recordChecksum } from '../sqlite/write-history.ts'
import { expectedStructure } from '../verify/expected.ts'
import { findingLine } from './verify.ts'

/**
 * Records the checksum of an applied migration's present text, for a person who has reviewed the change. Refuses if the migrations,
 * as they are now, make another schema than the database has, unless `force` is given. Withdraws the ready marker; the next `up` checks everything and writes it again. Does nothing if the checksum is right.
 * @throws Failure CONFIG_INVALID if the name is not both known and applied; SCHEMA_DRIFT; MIGRATION_FAILED if the migrations do not
 *   run on an empty database; whatever opening and locking throw
 */
export const repair = async (
  context: Context,
  word: string,
  { force }: Readonly<{ force: boolean }>,
): Promise<void> => {
  const { config, engine, log, signal, version } = context
  await engine.validate('write')
  refuseOthersMarker(config)
  const known = readMigrationFiles(config.migrations)
  const migration = migrationMeant(word, known, config.migrations)
  await requireDatabase(engine, config)
  const { name, checksum } = migration
  const before = await withDatabase(context, config.database, async ({ connection }) => {
    const history = readHistory(connection)
    const applied = history.find(candidate => candidate.name === name)
    if (applied === undefined)
      throw new Failure('CONFIG_INVALID', `${name} is not applied in ${config.database}`, namesHint)
    if (applied.checksum === checksum) return checksum
    if (!force) {
      const made = known.filter(file => history.some(row => row.name === file.name))
      const expected = await expectedStructure(await loadMigrations(made, signal), version, signal)
      const findings = compareSchemas(expected, readAppSchema(connection), { adopted: wasAdopted(history) })
      refuseDifferent(name, config.database, findings)
    }
    prepareHistory(connection, known)
    recordChecksum(connection, migration)
    withdrawMarker(config.readyFile)
    return applied.checksum
  })
  if (before === checksum)
    log.info('repair.nothing', `${name} is recorded as it is: nothing to repair`, { name, checksum })
  else log.info('repair.done', `${name}: recorded ${checksum} in place of ${before}`, { name, checksum })
}

const refuseDifferent = (name: string, database: string, findings: readonly Finding[]): void => {
  const differences = findings.filter(({ weight }) => weight === 'difference').map(findingLine)
  if (differences.length === 0) return
  throw new Failure(
    'SCHEMA_DRIFT',
    `with the present text of ${name} the migrations make another schema than ${database} has: ${differences.join('; ')}`,
    `Put the old text back and make the change in a new migration. "migrator repair ${name} --force" records it all the same.`,
  )
}

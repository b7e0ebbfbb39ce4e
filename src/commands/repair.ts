import { openExisting } from '../database/open.ts'
import { toFailure } from '../database/sqlite-failure.ts'
import { withTransaction } from '../database/transaction.ts'
import { didYouMean } from '../did-you-mean.ts'
import { Failure } from '../failure.ts'
import { prepareHistory, readHistory, recordChecksum } from '../migrations/history.ts'
import { readMigrations } from '../migrations/known.ts'
import { withdrawMarker } from '../ready/marker.ts'
import { checkVolume } from '../volume/check-volume.ts'
import { type Context, patienceOf } from './context.ts'

/**
 * Records the present text of an applied migration as the one that was applied. For a person who has looked at what changed
 * and knows that the schema is the same. The ready marker goes; the next `up` checks everything and writes it again.
 * @throws Failure CONFIG_INVALID when the name is not both known and applied; what opening and locking throw
 */
export const repair = async (context: Context, name: string): Promise<void> => {
  const { config, host, log } = context
  checkVolume(config, host)
  const known = readMigrations(config.migrations)
  const migration = known.find(candidate => candidate.name === name)
  if (migration === undefined) {
    const names = known.map(candidate => candidate.name)
    throw notThere(`${name} is not a migration in ${config.migrations}${didYouMean(name, names)}`)
  }
  try {
    const connection = openExisting(config.database)
    try {
      await withTransaction(connection, patienceOf(context), async () => {
        const applied = readHistory(connection).find(candidate => candidate.name === name)
        if (applied === undefined) throw notThere(`${name} is not applied in ${config.database}`)
        prepareHistory(connection, known)
        recordChecksum(connection, migration)
        withdrawMarker(config.readyFile)
        const { checksum } = migration
        log.info('repair.done', `${name}: recorded ${checksum} in place of ${applied.checksum}`, { name, checksum })
      })
    } finally {
      connection.close()
    }
  } catch (error) {
    throw toFailure(error, config.database)
  }
}

const notThere = (message: string): Failure =>
  new Failure('CONFIG_INVALID', message, 'See "migrator status" for the names, without extension.')

import { rmSync, statSync } from 'node:fs'
import type { Config } from '../config.ts'
import { type Context, patienceOf } from '../context.ts'
import { attempt, Failure } from '../failure.ts'
import type { Log } from '../log.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { requireNotLost } from '../ready/lost.ts'
import { type Marker, quickChecksum, readMarker, withdrawMarker } from '../ready/marker.ts'
import { type Connection, closeUnlessDamaged, openDatabase, whenFree } from '../sqlite/connect.ts'
import { toFailure } from '../sqlite/errors.ts'
import { hasHotJournal, wasWalRecovered } from '../sqlite/file.ts'
import { wrongSize } from '../sqlite/reader.ts'
import { filesystemOf } from '../volume/mounts.ts'
import { type Host, requireVolume } from '../volume/volume.ts'

/** Milliseconds after which the last damage check no longer counts: 7 days. */
const checkLasts = 7 * 24 * 3600 * 1000

/**
 * Brings the volume's database to the schema of the known migrations and leaves a true ready marker.
 * With nothing to do this is all that is loaded and done: no Umzug, no Sequelize, no lock, no write.
 * @param to the last migration that is to be applied; undefined for all
 */
export const up = async (context: Context, to: string | undefined): Promise<void> => {
  const { config, host, log } = context
  requireVolume(config, host)
  warnOfMemory(config.volume, host, log)
  const texts = readMigrationFiles(config.migrations)
  if (to !== undefined && !texts.some(({ name }) => name === to))
    throw (await import('../migrations/plan.ts')).unknownMigration(to, texts, config.migrations)
  try {
    requireNotLost(config)
    const isNew = statSync(config.database, { throwIfNoEntry: false }) === undefined
    const checkDue = config.check === 'always' || (config.check === 'auto' && hasHotJournal(config.database))
    const connection = openDatabase(config.database)
    try {
      if (checkDue || to !== undefined || !(await isReady(context, connection, texts)))
        await (await import('../ready/bring-up.ts')).bringUp(context, connection, texts, to)
      connection.close()
    } catch (error) {
      const failure = toFailure(error, config.database)
      if (isNew) removeIfEmpty(connection)
      closeUnlessDamaged(connection, failure)
      throw failure
    }
  } catch (error) {
    const failure = toFailure(error, config.database)
    if (failure instanceof Failure && failure.code === 'DATABASE_DAMAGED') withdrawMarker(config.readyFile)
    throw failure
  }
}

const warnOfMemory = (volume: string, { mounts }: Host, log: Log): void => {
  const { name, kind } = filesystemOf(mounts, volume)
  if (kind !== 'memory') return
  const warning = `data directory ${volume} is on ${name}: all that is in it ends with the container`
  log.warn('volume.memory', warning, { filesystem: name })
}

/** Nothing that a finished run left has changed since: nothing is pending, nothing wrong, and the marker is true. */
const isReady = async (context: Context, connection: Connection, texts: readonly MigrationFile[]): Promise<boolean> => {
  const { config, log, version } = context
  const marker = readMarker(config.readyFile)
  if (marker === undefined || marker.version !== version || isOld(marker, config)) return false
  const seenNow = connection.transaction(() => {
    const seen = quickChecksum(connection, texts, marker)
    const doubts = config.check === 'auto' ? wrongSize(config.database, connection) : []
    return doubts.length === 0 ? seen : undefined
  })
  const seen = await whenFree(seenNow, patienceOf(context))
  if (marker.seen !== seen || (config.check === 'auto' && wasWalRecovered(config.database))) return false
  const { schema } = marker
  log.info('up.nothing', `nothing to do: ${config.database} is at ${schema}`, { schema })
  return true
}

/** A time to come is none: a clock that was wrong would put the next check off for ever. */
const isOld = ({ checkedAt }: Marker, { check }: Config): boolean => {
  const age = Date.now() - Date.parse(String(checkedAt))
  return check === 'auto' && !(age >= 0 && age < checkLasts)
}

/**
 * A first run that failed leaves no empty file behind. Under the write lock, so that nobody else is about to fill it;
 * who waited for the lock sees that the file is gone (withTransaction).
 */
const removeIfEmpty = (connection: Connection): void => {
  const remove = connection.transaction(() => {
    if (statSync(connection.name).size === 0) rmSync(connection.name)
  })
  // when it is busy another run has it, and will fill it or remove it
  attempt(() => remove.immediate())
}

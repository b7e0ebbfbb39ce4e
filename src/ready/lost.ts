import { basename } from 'node:path'
import type { Config } from '../config.ts'
import type { Engine } from '../engine.ts'
import { Failure } from '../failure.ts'
import { existsSync } from '../fs.ts'
import { sizeOf } from '../volume/files.ts'
import { readMarker, withdrawn } from './marker.ts'

type Place = Pick<Config, 'database' | 'readyFile'>
type Bytes = Pick<Engine, 'preflight'>

/**
 * Refuses files that must not be opened: lost ones (SQLite would start afresh), bad headers and bad journals.
 * @throws Failure DATABASE_DAMAGED
 */
export const requireNotLost = async (engine: Bytes, place: Place): Promise<void> => {
  const isEmpty = async () => (await engine.preflight()) === 'empty'
  if (await isEmpty()) await refuseLoss(place, isEmpty)
}

/**
 * Refuses a missing or empty database if a ready marker, a backup, a replaced database or an orphaned journal shows
 * that it had data: making a new one would hide the loss.
 * @param isStillEmpty asked once more where no lock is held: another run may have made the database, and then that evidence
 * @throws Failure DATABASE_DAMAGED
 */
export const refuseLoss = async ({ database, readyFile }: Place, isStillEmpty = async () => true): Promise<void> => {
  const { listBackups, listReplaced } = await import('../backup/backups.ts')
  const backups = listBackups(database).length
  const evidence = [
    ...[readyFile, withdrawn(readyFile)].filter(file => existsSync(file) && isMarkerOf(file, database)),
    ...(backups > 0 ? [`${backups} backup${backups > 1 ? 's' : ''}`] : []),
    ...[...listReplaced(database), ...listJournals(database)].slice(0, 4),
  ].map(file => basename(file))
  if (evidence.length === 0 || !(await isStillEmpty())) return
  throw new Failure(
    'DATABASE_DAMAGED',
    `${database} is lost: it is ${existsSync(database) ? 'empty' : 'missing'}, but had data`,
    `To start over without the data, move these away first: ${evidence.join(', ')}.`,
  )
}

/**
 * For commands that need an existing database.
 * @throws Failure DATABASE_DAMAGED if it is lost, CONFIG_INVALID if there never was one
 */
export const requireDatabase = async (engine: Bytes, { database, readyFile }: Place): Promise<void> => {
  await requireNotLost(engine, { database, readyFile })
  if (sizeOf(database) > 0) return
  throw new Failure(
    'CONFIG_INVALID',
    `there is no database ${database}`,
    'Run `migrator up`, which makes it, or check DATABASE_URL.',
  )
}

/** A folder may hold several databases; a file that is not readable as a marker counts as this one's. */
const isMarkerOf = (file: string, database: string): boolean =>
  (readMarker(file)?.database ?? basename(database)) === basename(database)

/** A killed first run leaves an empty database with a -journal; a -wal starts only after the first page is there. */
const listJournals = (database: string): readonly string[] => {
  const found = ['-wal', '-journal'].map(suffix => database + suffix).filter(file => sizeOf(file) > 0)
  // looked for last: SQLite creates a database before its journal
  return existsSync(database) ? found.filter(file => file.endsWith('-wal')) : found
}

import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { listBackups, listReplaced } from '../backup/backups.ts'
import type { Config } from '../config.ts'
import type { Engine } from '../engine.ts'
import { Failure } from '../failure.ts'
import { sizeOf } from '../volume/files.ts'
import { readMarker, withdrawn } from './marker.ts'

type Place = Pick<Config, 'database' | 'readyFile'>

/**
 * To SQLite a missing or empty file is a sound, new database: see refuseLoss. Nor is a file that is no database, or has no journal beside it but
 * something else, one to be opened.
 * @throws Failure DATABASE_DAMAGED
 */
export const requireNotLost = async (engine: Pick<Engine, 'preflight'>, place: Place): Promise<void> => {
  if ((await engine.preflight()) === 'empty') refuseLoss(place)
}

/**
 * For a database that is missing or empty. Where a ready marker, a backup, a replaced database, or a journal without its database
 * shows that there was data, it is a loss, and making a new one would hide it.
 * @throws Failure DATABASE_DAMAGED
 */
export const refuseLoss = ({ database, readyFile }: Place): void => {
  const evidence = [
    ...[readyFile, withdrawn(readyFile)].filter(file => existsSync(file) && isMarkerOf(file, database)),
    ...listBackups(database).map(({ file }) => file),
    ...listReplaced(database),
    ...listJournals(database),
  ]
  const [first] = evidence
  if (first === undefined) return
  throw new Failure(
    'DATABASE_DAMAGED',
    `${database} is missing or empty, but ${first} shows that it had data`,
    `Put the database back, or move ${evidence.join(', ')} away to start anew.`,
  )
}

/**
 * For commands that work on a database that is there.
 * @throws Failure DATABASE_DAMAGED when it is lost, CONFIG_INVALID when there never was one
 */
export const requireDatabase = async (
  engine: Pick<Engine, 'preflight'>,
  { database, readyFile }: Place,
): Promise<void> => {
  await requireNotLost(engine, { database, readyFile })
  if (sizeOf(database) > 0) return
  throw new Failure('CONFIG_INVALID', `there is no database ${database}`, 'Run "migrator up", or check DATABASE_URL.')
}

/** One folder may have several databases; what cannot be read as a marker is taken for this one's. */
const isMarkerOf = (file: string, database: string): boolean =>
  (readMarker(file)?.database ?? basename(database)) === basename(database)

/** A killed first run leaves an empty database with a -journal; a -wal is begun when its database has its first page. */
const listJournals = (database: string): readonly string[] => {
  const suffixes = existsSync(database) ? ['-wal'] : ['-wal', '-journal']
  return suffixes.map(suffix => database + suffix).filter(file => sizeOf(file) > 0)
}

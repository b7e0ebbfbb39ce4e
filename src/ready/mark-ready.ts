import type { Connection } from '../database/open.ts'
import { toFailure } from '../database/sqlite-failure.ts'
import { Failure } from '../failure.ts'
import type { MigrationText } from '../migrations/files.ts'
import { readHistory } from '../migrations/history.ts'
import { type Marker, writeMarker } from './marker.ts'
import { seenOf } from './seen.ts'
import { truthOf } from './truth.ts'

/**
 * Writes the marker that is true for a database; none where nothing is applied. Called under the write lock, and only where
 * history and files do not disagree.
 * @param texts of the known migrations: those that are pending are left out, as if this image did not have them, so that a run
 *   of `up` which has them looks closer
 */
export const markReady = (
  connection: Connection,
  readyFile: string,
  texts: readonly MigrationText[],
  { version, checkedAt }: Pick<Marker, 'version' | 'checkedAt'>,
): Marker => {
  const applied = readHistory(connection)
  const truth = { ...truthOf(connection, applied), version }
  const known = texts.filter(text => applied.some(({ name }) => name === text.name))
  const marker = {
    ...truth,
    checkedAt,
    readyAt: new Date().toISOString(),
    seen: seenOf(connection, known, truth),
  }
  if (applied.length > 0) writeMarker(readyFile, marker)
  return marker
}

/** What kept the marker from being written once the database was changed: that stays, whatever the failure's own hint says. */
export const notMarked = (error: unknown, database: string): unknown => {
  const failure = toFailure(error, database)
  if (!(failure instanceof Failure)) return failure
  const message = `${database} is changed, but its ready marker is not written: ${failure.message}`
  return new Failure(failure.code, message, 'Mend that, then run "migrator up": it writes the marker.', failure)
}

import type { Connection } from '../database/open.ts'
import type { MigrationText } from '../migrations/files.ts'
import { readHistory } from '../migrations/history.ts'
import { type Marker, writeMarker } from './marker.ts'
import { seenOf } from './seen.ts'
import { truthOf } from './truth.ts'

/** Writes the marker that is true for a database at the schema of all known migrations. Called under the write lock. */
export const markReady = (
  connection: Connection,
  readyFile: string,
  texts: readonly MigrationText[],
  { version, checkedAt }: Pick<Marker, 'version' | 'checkedAt'>,
): Marker => {
  const truth = { ...truthOf(connection, readHistory(connection)), version }
  const marker = {
    ...truth,
    checkedAt,
    readyAt: new Date().toISOString(),
    seen: seenOf(connection, texts, truth),
  }
  writeMarker(readyFile, marker)
  return marker
}

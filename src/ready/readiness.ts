import { statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Config } from '../config.ts'
import { Failure } from '../failure.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { type AppliedMigration, readHistory } from '../migrations/history.ts'
import type { Connection } from '../sqlite/connect.ts'
import { toFailure } from '../sqlite/errors.ts'
import { journalMode } from '../sqlite/file.ts'
import { readOnly } from '../sqlite/read-only.ts'
import { sizeOf } from '../volume/files.ts'
import {
  type ExpectedMarker,
  expectedMarker,
  type Marker,
  matches,
  quickChecksum,
  readMarker,
  writeMarker,
} from './marker.ts'

/**
 * Writes the marker that is true for a database; none where nothing is applied. Called under the write lock, and only where
 * history and files do not disagree.
 * @param texts of the known migrations: those that are pending are left out, as if this image did not have them, so that a run
 *   of `up` which has them looks closer
 */
export const markReady = (
  connection: Connection,
  readyFile: string,
  texts: readonly MigrationFile[],
  { version, checkedAt }: Pick<Marker, 'version' | 'checkedAt'>,
): Marker => {
  const applied = readHistory(connection)
  const truth = { ...expectedMarker(connection, applied), version }
  const known = texts.filter(text => applied.some(({ name }) => name === text.name))
  const marker = {
    ...truth,
    checkedAt,
    readyAt: new Date().toISOString(),
    seen: quickChecksum(connection, known, truth),
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

/** What is on a volume. */
export type VolumeState = Readonly<{
  applied: readonly AppliedMigration[]
  marker: Marker | undefined
  /** what a marker must say to be true; undefined where there is no database */
  truth: ExpectedMarker | undefined
  /** the ready marker is there and true */
  ready: boolean
  /** of the database and its journal; 0 where there is no database */
  bytes: number
  journalMode: 'wal' | 'rollback' | null
}>

/**
 * Reads a volume without a trace (see `readOnly`).
 * @param more reads what else is wanted of the database, in the same look
 * @returns what `more` gave, undefined where there is no database
 * @throws Failure DATABASE_DAMAGED, DATABASE_BUSY
 */
export const readState = <T>(
  { database, readyFile }: Config,
  more: (connection: Connection) => T,
): VolumeState & { readonly more: T | undefined } => {
  const marker = readMarker(readyFile)
  if (statSync(database, { throwIfNoEntry: false }) === undefined)
    return { applied: [], marker, truth: undefined, ready: false, bytes: 0, journalMode: null, more: undefined }
  try {
    const found = readOnly(database, connection => {
      const applied = readHistory(connection)
      const truth = { ...expectedMarker(connection, applied), database: basename(database) }
      return { applied, truth, ready: marker !== undefined && matches(marker, truth), more: more(connection) }
    })
    return { ...found, marker, bytes: sizeWithJournals(database), journalMode: journalMode(database) }
  } catch (error) {
    throw toFailure(error, database)
  }
}

/** Bytes of a database and its journals; 0 where there is none. */
export const sizeWithJournals = (database: string): number =>
  ['', '-wal', '-journal'].reduce((sum, suffix) => sum + sizeOf(database + suffix), 0)

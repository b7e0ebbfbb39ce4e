import { statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Config } from '../config.ts'
import { journalMode } from '../database/header.ts'
import { look } from '../database/look.ts'
import type { Connection } from '../database/open.ts'
import { toFailure } from '../database/sqlite-failure.ts'
import { type AppliedMigration, readHistory } from '../migrations/history.ts'
import { sizeOf } from '../size-of.ts'
import { type Marker, readMarker } from './marker.ts'
import { isTrue, type Truth, truthOf } from './truth.ts'

/** What is on a volume. */
export type VolumeState = Readonly<{
  applied: readonly AppliedMigration[]
  marker: Marker | undefined
  /** what a marker must say to be true; undefined where there is no database */
  truth: Truth | undefined
  /** the ready marker is there and true */
  ready: boolean
  /** of the database and its journal; 0 where there is no database */
  bytes: number
  journalMode: 'wal' | 'rollback' | null
}>

/**
 * Reads a volume without a trace (see `look`).
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
    const found = look(database, connection => {
      const applied = readHistory(connection)
      const truth = { ...truthOf(connection, applied), database: basename(database) }
      return { applied, truth, ready: marker !== undefined && isTrue(marker, truth), more: more(connection) }
    })
    return { ...found, marker, bytes: sizeWithJournals(database), journalMode: journalMode(database) }
  } catch (error) {
    throw toFailure(error, database)
  }
}

/** Bytes of a database and its journals; 0 where there is none. */
export const sizeWithJournals = (database: string): number =>
  ['', '-wal', '-journal'].reduce((sum, suffix) => sum + sizeOf(database + suffix), 0)

import { readFileSync, renameSync, rmSync } from 'node:fs'
import { errorCode } from '../error-code.ts'
import { replaceFile } from '../volume/replace-file.ts'

/** What the ready marker says of the volume. Read by hubs and by healthcheck.sh: fields are added, never changed. */
export type Marker = Readonly<{
  /** name of the last applied migration */
  schema: string
  /** how many are applied */
  migrations: number
  /** file name of the database, beside the marker */
  database: string
  /** digest of the schema and the history */
  fingerprint: string
  /** when the database was last checked for damage; ISO 8601, UTC; null if never */
  checkedAt: string | null
  /** when this marker was written; ISO 8601, UTC */
  readyAt: string
  /** of the migrator */
  version: string
  /** a quick checksum of all that made the marker true (see seen.ts); for the migrator's own use */
  seen: string
}>

/** The marker in a file; undefined when there is none or it is not readable as one. */
export const readMarker = (file: string): Marker | undefined => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** Replaces the marker at once: a reader sees the old one, or none, or the whole new one; never a part. */
export const writeMarker = (file: string, marker: Marker): void => {
  replaceFile(file, `${JSON.stringify(marker)}\n`)
  rmSync(withdrawn(file), { force: true })
}

/**
 * Takes a marker away that is no longer true, or soon will not be. It stays under another name: it is the evidence that
 * the volume once had a database, when that is found missing or empty.
 */
export const withdrawMarker = (file: string): void => {
  try {
    renameSync(file, withdrawn(file))
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}

export const withdrawn = (file: string): string => `${file}.withdrawn`

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
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return isMarker(found) ? found : undefined
  } catch {
    return undefined
  }
}

/** What is JSON but says nothing, such as null, is no marker. */
const isMarker = (found: unknown): found is Marker =>
  typeof found === 'object' &&
  found !== null &&
  'schema' in found &&
  typeof found.schema === 'string' &&
  'readyAt' in found &&
  typeof found.readyAt === 'string'

/** Replaces the marker at once: a reader sees the old one, or none, or the whole new one; never a part. */
export const writeMarker = (file: string, marker: Marker): void => {
  replaceFile(file, `${JSON.stringify(marker)}\n`)
  rmSync(withdrawn(file), { force: true })
}

/**
 * Takes a marker away that is no longer true, or soon will not be. It stays under another name: it is the evidence that
 * the volume once had a database, when that is found missing or empty.
 * @returns puts it back, for when it stays true after all; nothing where there was none
 */
export const withdrawMarker = (file: string): (() => void) => {
  try {
    renameSync(file, withdrawn(file))
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return () => undefined
  }
  return () => renameSync(withdrawn(file), file)
}

/** Commits what makes the marker untrue, without it. Where that fails nothing has changed, and it is put back. */
export const commitWithoutMarker = async (file: string, commit: () => Promise<void>): Promise<void> => {
  const putBack = withdrawMarker(file)
  try {
    await commit()
  } catch (error) {
    putBack()
    throw error
  }
}

export const withdrawn = (file: string): string => `${file}.withdrawn`

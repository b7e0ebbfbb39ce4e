import { chmodSync, renameSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Reader, SchemaObject } from '../engine.ts'
import { attempt, errorCode } from '../failure.ts'
import type { AppliedMigration } from '../history.ts'
import { digest, type MigrationFile } from '../migrations/files.ts'
import { readSmallFile } from '../small-file.ts'
import { removeFile, replaceFile, syncFolder } from '../volume/files.ts'

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
  /** a quick checksum of all that made the marker true (quickChecksum); for the migrator's own use */
  seen: string
}>

/** Bytes that a marker has at most. */
const largest = 64 * 1024

/** The marker in a file; undefined when there is none or it is not readable as one. */
export const readMarker = (file: string): Marker | undefined => {
  try {
    const found: unknown = JSON.parse(String(readSmallFile(file, largest)))
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
  // whatever the umask is: hubs and probes of other users read it. Some filesystems have no modes to change
  attempt(() => chmodSync(file, 0o644))
  removeFile(withdrawn(file))
}

/**
 * Takes a marker away that is no longer true, or soon will not be, durably: after a power cut it is not back. It stays under
 * another name: it is the evidence that the volume once had a database, when that is found missing or empty.
 * @returns puts it back, for when it stays true after all; nothing where there was none
 */
export const withdrawMarker = (file: string): (() => void) => {
  try {
    renameSync(file, withdrawn(file))
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return () => undefined
  }
  syncFolder(dirname(file))
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

/** The part of a marker that can be held against the database. */
export type ExpectedMarker = Pick<Marker, 'schema' | 'migrations' | 'database' | 'fingerprint'>

/** What a marker is held against. */
export type Contents = Readonly<{
  /** file name of the database */
  database: string
  objects: readonly SchemaObject[]
  applied: readonly AppliedMigration[]
}>

/** @param path of the database: a reader may have a copy */
export const readContents = async (reader: Reader, path: string): Promise<Contents> => ({
  database: basename(path),
  objects: await reader.objects(),
  applied: await reader.history(),
})

/** What a marker must say of a database to be true. */
export const expectedMarker = ({ database, objects, applied }: Contents): ExpectedMarker => ({
  schema: applied.at(-1)?.name ?? '',
  migrations: applied.length,
  database,
  fingerprint: digest(
    JSON.stringify([
      objects.filter(({ sql }) => !isPlainIndex.test(sql)),
      ...applied.map(({ name, checksum }) => [name, checksum]),
    ]),
  ),
})

/**
 * One that is not UNIQUE changes neither what is stored nor what is read: whoever adds it leaves the volume ready. SQLite keeps each text
 * with its first words in capitals.
 */
const isPlainIndex = /^CREATE INDEX /

const fields = ['schema', 'migrations', 'database', 'fingerprint'] as const

/** In which of its fields a marker is not true. */
export const mismatches = (marker: Marker, truth: ExpectedMarker): readonly (keyof ExpectedMarker)[] =>
  fields.filter(field => marker[field] !== truth[field])

export const matches = (marker: Marker, truth: ExpectedMarker): boolean => mismatches(marker, truth).length === 0

/**
 * A quick checksum of everything that the long way of `up` decides by: the migrations' texts, the schema, the history, and
 * what the marker says. While it is what a finished run left in the marker, nothing of it has changed since.
 *
 * It only has to notice a change, so it is FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/) over UTF-16 code units in a few
 * lines: loading node:crypto takes a tenth of a whole run with nothing to do.
 */
export const quickChecksum = (
  { database: name, objects, applied }: Contents,
  texts: readonly Pick<MigrationFile, 'name' | 'text'>[],
  { schema, migrations, database, fingerprint, version }: Omit<Marker, 'seen' | 'checkedAt' | 'readyAt'>,
): string => {
  const told = [schema, migrations, database, fingerprint, version]
  const found = [name, objects, applied]
  const all = JSON.stringify([told, found, texts.map(({ name, text }) => [name, text])])
  let hash = 0x811c9dc5
  for (let index = 0; index < all.length; index += 1) hash = Math.imul(hash ^ all.charCodeAt(index), 0x01000193)
  return `${all.length}-${(hash >>> 0).toString(16)}`
}

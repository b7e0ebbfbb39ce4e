import { chmodSync, renameSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Config } from '../config.ts'
import type { Engine, Reader, SchemaObject } from '../engine.ts'
import { attempt, errorCode, Failure, forShell } from '../failure.ts'
import type { AppliedMigration } from '../history.ts'
import { digest, type MigrationFile } from '../migrations/files.ts'
import { readSmallFile } from '../small-file.ts'
import { removeFile, replaceFile, syncFolder } from '../volume/files.ts'
import { databaseFiles } from '../volume/volume.ts'

/** What the ready marker says of the volume. Read by hubs and by healthcheck.sh: fields are added, never changed. */
export type Marker = Readonly<{
  /** name of the last applied migration */
  schema: string
  /** how many are applied */
  migrations: number
  /** file name of the database, beside the marker */
  database: string
  /** digest of what the migrations made, and of the history */
  fingerprint: string
  /** when the database was last checked for damage; ISO 8601, UTC; null if never */
  checkedAt: string | null
  /** when this marker was written; ISO 8601, UTC */
  readyAt: string
  /** of the migrator */
  version: string
  /** a quick checksum of all that made the marker true (quickChecksum); for the migrator's own use */
  seen: string
  /** the tables and views that the migrations made, which the fingerprint is of; older versions wrote none, and told of all */
  tables?: readonly string[]
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
  typeof found.readyAt === 'string' &&
  (!('tables' in found) || (Array.isArray(found.tables) && found.tables.every(name => typeof name === 'string')))

/**
 * A marker is replaced and taken away, so what has its name must be one, and of this database. What a damaged marker begins with, or
 * an empty file, is taken for one.
 * @throws Failure CONFIG_INVALID naming the file and what it is instead
 */
export const refuseOthersMarker = (config: Config): void => {
  const { database, readyFile } = config
  const setting = `MIGRATOR_READY_FILE=${forShell(ownMarker(config))}`
  for (const file of [readyFile, withdrawn(readyFile)]) {
    const other = otherThanMarker(file, database)
    if (other === undefined) continue
    const hint =
      other === ofAnother
        ? `Give this one a marker of its own, here and for its hub: ${setting}. Where it is the same database under a new name, remove ${file}.`
        : `Name a file of its own, here and for its hub, such as ${setting}, or move that one away.`
    throw new Failure('CONFIG_INVALID', `the ready marker of ${database} cannot be ${file}: it is ${other}`, hint)
  }
}

/** A marker that no other database of the volume has. */
export const ownMarker = ({ database, readyFile }: Config): string =>
  join(dirname(readyFile), `.${basename(database)}.ready`)

export const isMarkerOfAnother = ({ database, readyFile }: Config): boolean =>
  [readyFile, withdrawn(readyFile)].some(file => otherThanMarker(file, database) === ofAnother)

const ofAnother = 'a ready marker of another database'

/** What is in the place of a marker; undefined where it is one of this database, or there is nothing. */
const otherThanMarker = (file: string, database: string): string | undefined => {
  if (databaseFiles.some(suffix => file === database + suffix)) return 'the database'
  // a folder that may not be read is for requireVolume to tell
  const outcome = attempt(() => statSync(file, { throwIfNoEntry: false }))
  const stats = 'value' in outcome ? outcome.value : undefined
  if (stats === undefined) return undefined
  if (!stats.isFile()) return stats.isDirectory() ? 'a folder' : 'no file'
  const found = readMarker(file)
  if (found !== undefined) {
    const isOwn = found.database === undefined || found.database === basename(database)
    return isOwn ? undefined : ofAnother
  }
  return stats.size === 0 || looksLikeMarker(file) ? undefined : 'no ready marker'
}

/** A power cut may leave a marker that is cut off, or zeros in its place. */
const looksLikeMarker = (file: string): boolean => {
  const read = attempt(() => readSmallFile(file, largest))
  // one that may not be read is for whoever writes it to tell
  if ('error' in read) return !(read.error instanceof Failure)
  return /^(?:\{"schema":"|\0*$)/.test(read.value.toString('latin1'))
}

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

/**
 * Commits what makes the marker untrue, without it. Where that fails nothing has changed, and it is put back; on a disk that fails
 * (an fsync of the folder after the journal was deleted) nobody knows, and it stays away.
 */
export const commitWithoutMarker = async (
  { isUncertain }: Pick<Engine, 'isUncertain'>,
  file: string,
  commit: () => Promise<void>,
): Promise<void> => {
  const putBack = withdrawMarker(file)
  try {
    await commit()
  } catch (error) {
    if (!isUncertain(error)) putBack()
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

/**
 * What a marker must say of a database to be true. What others keep in it, such as the hub's own sessions or what Litestream needs,
 * makes no marker untrue.
 * @param tables the tables and views that the migrations made, which a marker names; undefined for one of an older version, which
 *   tells of everything in the database
 */
export const expectedMarker = (
  { database, objects, applied }: Contents,
  tables: readonly string[] | undefined,
): ExpectedMarker => ({
  schema: applied.at(-1)?.name ?? '',
  migrations: applied.length,
  database,
  fingerprint: digest(
    JSON.stringify([
      objects.filter(object => isTold(object, tables) && !isPlainIndex.test(object.sql)),
      ...applied.map(({ name, checksum }) => [name, checksum]),
    ]),
  ),
})

/** SQLite knows names by any letter case. Triggers and UNIQUE indexes belong to their table: they change what a write does. */
const isTold = ({ type, name, table }: SchemaObject, tables: readonly string[] | undefined): boolean => {
  const own = (type === 'view' ? name : table).toLowerCase()
  return tables === undefined || tables.some(told => told.toLowerCase() === own)
}

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
 * It only has to notice a change, and loading node:crypto takes a tenth of a whole run with nothing to do.
 */
export const quickChecksum = (
  { database: name, objects, applied }: Contents,
  texts: readonly Pick<MigrationFile, 'name' | 'text'>[],
  { schema, migrations, database, fingerprint, version }: Omit<Marker, 'seen' | 'checkedAt' | 'readyAt'>,
): string => {
  const told = [schema, migrations, database, fingerprint, version]
  const found = [name, objects, applied]
  const all = JSON.stringify([told, found, texts.map(({ name, text }) => [name, text])])
  return `${all.length}-${fnv1a(all).toString(16)}`
}

/** FNV-1a of 32 bits over UTF-16 code units: http://www.isthe.com/chongo/tech/comp/fnv/ */
export const fnv1a = (text: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}

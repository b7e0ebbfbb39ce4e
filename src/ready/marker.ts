import { basename, dirname, join } from 'node:path'
import type { Config } from '../config.ts'
import type { Engine, Present, Reader, SchemaObject } from '../engine.ts'
import { attempt, errorCode, Failure, forShell } from '../failure.ts'
import { chmodSync, renameSync, statSync } from '../fs.ts'
import { digest, type MigrationFile } from '../migrations/files.ts'
import { readSmallFile } from '../small-file.ts'
import { removeFile, replaceFile, syncFolder } from '../volume/files.ts'
import { databaseFiles } from '../volume/volume.ts'

/** The ready marker of a volume. Hubs and healthcheck.sh read it: fields may be added, never changed. */
export type Marker = Readonly<{
  /** name of the last applied migration */
  schema: string
  /** how many are applied */
  migrations: number
  /** file name of the database, beside the marker */
  database: string
  /** digest of the schema that the migrations made, and of the history */
  fingerprint: string
  /** when the database was last checked for damage; ISO 8601, UTC; null if never */
  checkedAt: string | null
  /** when this marker was written; ISO 8601, UTC */
  readyAt: string
  /** of the migrator */
  version: string
  /** a quick checksum of everything that made the marker true (quickChecksum); for the migrator's own use */
  seen: string
  /** tables and views of the migrations, which the fingerprint covers; older versions wrote none, and covered all */
  tables?: readonly string[]
}>

/** Maximum size of a marker in bytes. */
const largest = 64 * 1024

/** Reads a marker; undefined if there is none or it is invalid. */
export const readMarker = (file: string): Marker | undefined => {
  try {
    const found: unknown = JSON.parse(String(readSmallFile(file, largest)))
    return isMarker(found) ? found : undefined
  } catch {
    return undefined
  }
}

/** Valid JSON may still be no marker, such as null. */
const isMarker = (found: unknown): found is Marker =>
  typeof found === 'object' &&
  found !== null &&
  'schema' in found &&
  typeof found.schema === 'string' &&
  'readyAt' in found &&
  typeof found.readyAt === 'string' &&
  (!('tables' in found) || (Array.isArray(found.tables) && found.tables.every(name => typeof name === 'string')))

/** @throws Failure CONFIG_INVALID if there is a file in the marker's place that is not this database's marker */
export const refuseOthersMarker = (config: Config): void => {
  const taken = othersMarker(config)
  if (taken !== undefined) throw taken.refusal
}

/**
 * Finds a file in the marker's place that is not this database's marker: markers are replaced and removed. An empty file
 * and the beginning of a damaged marker count as one.
 * @returns whether it is the ready marker of another database, and a Failure CONFIG_INVALID naming the file and what it is
 */
export const othersMarker = (config: Config): { isMarker: boolean; refusal: Failure } | undefined => {
  const { database, readyFile } = config
  for (const file of [readyFile, withdrawn(readyFile)]) {
    const other = otherThanMarker(file, database)
    if (other === undefined) continue
    const isMarker = other === ofAnother
    const setting = `MIGRATOR_READY_FILE=${forShell(ownMarker(config))}`
    const hint = isMarker
      ? `Give this one its own marker, here and for its hub: ${setting}. If it is the same database under a new name, remove ${file}.`
      : `Use another file, here and for its hub: ${setting}. Or move that one away.`
    const message = `the ready marker of ${database} cannot be ${file}: it is ${other}`
    return { isMarker, refusal: new Failure('CONFIG_INVALID', message, hint) }
  }
  return undefined
}

/** The path of a marker that no other database on the volume uses. */
export const ownMarker = ({ database, readyFile }: Config): string =>
  join(dirname(readyFile), `.${basename(database)}.ready`)

const ofAnother = 'a ready marker of another database'

/** Names what is in the marker's place; undefined if it is a marker of this database, or nothing. */
const otherThanMarker = (file: string, database: string): string | undefined => {
  if (databaseFiles.some(suffix => file === database + suffix)) return 'the database'
  // requireVolume reports a folder that may not be read
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

/** A power cut may leave a truncated marker, or zeros in its place. */
const looksLikeMarker = (file: string): boolean => {
  const read = attempt(() => readSmallFile(file, largest))
  // an unreadable file counts as one: writing it will report the error
  if ('error' in read) return !(read.error instanceof Failure)
  return /^(?:\{"schema":"|\0*$)/.test(read.value.toString('latin1'))
}

/** Replaces the marker atomically: a reader sees the old one, none, or all of the new one. */
export const writeMarker = (file: string, marker: Marker): void => {
  replaceFile(file, `${JSON.stringify(marker)}\n`)
  // hubs and probes of other users read it, whatever the umask is. Some filesystems have no modes to change
  attempt(() => chmodSync(file, 0o644))
  removeFile(withdrawn(file))
}

/**
 * Withdraws a marker that is no longer true, or soon will not be, durably: a power cut does not bring it back. It is
 * kept under another name, as evidence that the volume had a database, should that be missing or empty later.
 * @returns puts it back, if it stays true after all; does nothing if there was none
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
 * Withdraws the marker, then commits what makes it untrue. If that fails, nothing has changed and the marker is put
 * back; if the outcome is unknown (a failed fsync of the folder after the journal was deleted), it stays withdrawn.
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

/** The fields of a marker that can be compared with the database. */
export type ExpectedMarker = Pick<Marker, 'schema' | 'migrations' | 'database' | 'fingerprint'>

/** What a marker is compared with. */
type Contents = Present &
  Readonly<{
    /** file name of the database */
    database: string
  }>

/** @param path of the database itself: the reader may be of a copy */
export const readContents = async (reader: Reader, path: string): Promise<Contents> => ({
  database: basename(path),
  objects: await reader.objects(),
  applied: await reader.history(),
})

/**
 * The fields of a true marker. Tables of others, such as the hub's own sessions or Litestream's, do not count.
 * @param tables tables and views that the migrations made, as a marker lists them; undefined for a marker of an older
 *   version, which covers the whole database
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

/** SQLite's names are case-insensitive. Triggers and UNIQUE indexes belong to their table: they change its writes. */
const isTold = ({ type, name, table }: SchemaObject, tables: readonly string[] | undefined): boolean => {
  const own = (type === 'view' ? name : table).toLowerCase()
  return tables === undefined || tables.some(told => told.toLowerCase() === own)
}

/**
 * A non-UNIQUE index changes neither what is stored nor what is read, so adding one leaves the volume ready. SQLite
 * stores the first words of each CREATE text in capitals.
 */
const isPlainIndex = /^CREATE INDEX /

const fields = ['schema', 'migrations', 'database', 'fingerprint'] as const

/** The fields in which a marker is not true. */
export const mismatches = (marker: Marker, truth: ExpectedMarker): readonly (keyof ExpectedMarker)[] =>
  fields.filter(field => marker[field] !== truth[field])

export const matches = (marker: Marker, truth: ExpectedMarker): boolean => mismatches(marker, truth).length === 0

/**
 * A quick checksum of everything that the long way of `up` depends on: the migrations' texts, the schema, the history and the marker's
 * fields. If the marker has the same, none of that has changed since. Loading node:crypto would take a tenth of a run with nothing to do.
 */
export const quickChecksum = (
  { database: name, objects, applied }: Contents,
  texts: readonly Pick<MigrationFile, 'name' | 'text'>[],
  { schema, migrations, database, fingerprint, version }: Omit<Marker, 'seen' | 'checkedAt' | 'readyAt'>,
): string => {
  const told = [schema, migrations, database, fingerprint, version]
  const found = [name, objects, applied]
  const all = JSON.stringify([told, found, texts.map(({ name, text }) => [name, text])])
  return `${all.length}-${remainder(all)}`
}

/** The text as one long number, modulo a prime: at once, where a loop over its characters takes a twentieth of a run. */
const remainder = (text: string): string => {
  const [bytes, most] = [Buffer.from(text), 2 ** 16]
  let rest = 0n
  for (let at = 0; at < bytes.length; at += most)
    rest = BigInt(`0x${rest.toString(16)}${bytes.toString('hex', at, at + most)}`) % (2n ** 61n - 1n)
  return rest.toString(16)
}

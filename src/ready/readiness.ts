import type { Config } from '../config.ts'
import type { Engine, Reader, SchemaObject, Session, Transaction } from '../engine.ts'
import { Failure } from '../failure.ts'
import type { AppliedMigration } from '../history.ts'
import type { MigrationFile } from '../migrations/files.ts'
import {
  type ExpectedMarker,
  expectedMarker,
  type Marker,
  matches,
  quickChecksum,
  readContents,
  readMarker,
  writeMarker,
} from './marker.ts'

/** Milliseconds after which the last damage check no longer counts: 7 days. */
const checkLasts = 7 * 24 * 3600 * 1000

/**
 * Whether nothing that a finished run left has changed since: nothing is pending, nothing wrong, and the marker is true. This is
 * all that a run with nothing to do asks.
 * @returns the marker that is true; undefined where `up` has to look closer
 */
export const findUnchanged = async (
  config: Config,
  session: Session,
  files: readonly MigrationFile[],
  version: string,
): Promise<Marker | undefined> => {
  const marker = readMarker(config.readyFile)
  if (marker === undefined || marker.version !== version || config.check === 'always' || isOld(marker, config))
    return undefined
  const seen = await session.snapshot(async () => {
    if (config.check === 'auto' && (await session.isSuspect())) return undefined
    return quickChecksum(await readContents(session, config.database), files, marker)
  })
  return marker.seen === seen ? marker : undefined
}

/** A time to come is none: a clock that was wrong would put the next check off for ever. */
const isOld = ({ checkedAt }: Marker, { check }: Config): boolean => {
  const age = Date.now() - Date.parse(String(checkedAt))
  return check === 'auto' && !(age >= 0 && age < checkLasts)
}

/**
 * Writes the marker that is true for a database; none where nothing is applied. Called under the write lock, and only where
 * history and files do not disagree.
 * @param files of the known migrations: those that are pending are left out, as if this image did not have them, so that a run
 *   of `up` which has them looks closer
 */
export const markReady = async (
  transaction: Transaction,
  { database, readyFile }: Config,
  files: readonly MigrationFile[],
  { version, checkedAt }: Pick<Marker, 'version' | 'checkedAt'>,
): Promise<Marker> => {
  const contents = await readContents(transaction, database)
  const { applied, objects } = contents
  const known = files.filter(file => applied.some(({ name }) => name === file.name))
  const tables = tablesOf(objects, known)
  const truth = { ...expectedMarker(contents, tables), version }
  const marker = {
    ...truth,
    checkedAt,
    readyAt: new Date().toISOString(),
    seen: quickChecksum(contents, known, truth),
    tables,
  }
  if (applied.length > 0) {
    await transaction.flushCommitted()
    writeMarker(readyFile, marker)
  }
  return marker
}

/** The tables and views that migrations made: those whose names are in their texts. */
const tablesOf = (objects: readonly SchemaObject[], files: readonly MigrationFile[]): readonly string[] => {
  const all = files.map(({ text }) => text.toLowerCase()).join('\n')
  const words = new Set(all.split(/[^\p{L}\p{N}_$]+/u))
  const isNamed = (name: string): boolean => words.has(name) || (/[^\p{L}\p{N}_$]/u.test(name) && all.includes(name))
  return objects
    .filter(({ type, name }) => (type === 'table' || type === 'view') && isNamed(name.toLowerCase()))
    .map(({ name }) => name)
}

/** What kept the marker from being written once the database was changed: that stays, whatever the failure's own hint says. */
export const notMarked = (error: unknown, engine: Engine): unknown => {
  const failure = engine.explain(error)
  if (!(failure instanceof Failure)) return failure
  const message = `${engine.name} is changed, but its ready marker is not written: ${failure.message}`
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
}>

/**
 * Reads a volume without a trace.
 * @param more reads what else is wanted of the database, from the same state
 * @returns what `more` gave, undefined where there is no database
 * @throws Failure DATABASE_DAMAGED, DATABASE_BUSY
 */
export const readState = async <R extends Reader, T>(
  engine: Engine<R>,
  { database, readyFile }: Config,
  whenBusy: 'wait' | 'fail',
  more: (reader: R) => Promise<T>,
): Promise<VolumeState & { readonly more: T | undefined }> => {
  const marker = readMarker(readyFile)
  const found = await engine.read(whenBusy, async reader => {
    const contents = await readContents(reader, database)
    const truth = expectedMarker(contents, marker?.tables)
    const ready = marker !== undefined && matches(marker, truth)
    return { applied: contents.applied, marker, truth, ready, more: await more(reader) }
  })
  return found ?? { applied: [], marker, truth: undefined, ready: false, more: undefined }
}

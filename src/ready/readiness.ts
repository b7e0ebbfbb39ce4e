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
 * Checks that nothing has changed since the last finished run: nothing is pending or wrong, and the marker is true. A
 * run with nothing to do checks only this.
 * @returns the true marker; undefined if `up` has to look closer
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
    const checksum = quickChecksum(await readContents(session, config.database), files, marker)
    // asked after the first read, with which SQLite makes the index of a WAL anew
    return config.check === 'auto' && (await session.isSuspect()) ? undefined : checksum
  })
  return marker.seen === seen ? marker : undefined
}

/** A time in the future counts as old: a clock that was wrong would otherwise put off the next check for ever. */
const isOld = ({ checkedAt }: Marker, { check }: Config): boolean => {
  const age = Date.now() - Date.parse(String(checkedAt))
  return check === 'auto' && !(age >= 0 && age < checkLasts)
}

/**
 * Writes a true marker for a database; none if nothing is applied. Call it under the write lock, and only if history
 * and files agree.
 * @param files of the known migrations: pending ones are left out, as if this image did not have them, so that a run of
 *   `up` that has them looks closer
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

/** Tables and views that migrations made: those whose names are in their texts. */
const tablesOf = (objects: readonly SchemaObject[], files: readonly MigrationFile[]): readonly string[] => {
  const all = files.map(({ text }) => text.toLowerCase()).join('\n')
  // \p{L} instead of all that is not ASCII would take as long to compile as all of this takes to run
  const words = new Set(all.split(/[^\w$\x80-\uffff]+/))
  const isNamed = (name: string): boolean => words.has(name) || (/[^\w$\x80-\uffff]/.test(name) && all.includes(name))
  return objects
    .filter(({ type, name }) => (type === 'table' || type === 'view') && isNamed(name.toLowerCase()))
    .map(({ name }) => name)
}

/** The Failure for a marker not written after a commit: the change stays, whatever the original hint says. */
export const notMarked = (error: unknown, engine: Engine): unknown => {
  const failure = engine.explain(error)
  if (!(failure instanceof Failure)) return failure
  const message = `${engine.name} is changed, but its ready marker is not written: ${failure.message}`
  return new Failure(failure.code, message, 'Fix that, then run `migrator up`, which writes the marker.', failure)
}

/** What is on a volume. */
type VolumeState = Readonly<{
  applied: readonly AppliedMigration[]
  marker: Marker | undefined
  /** the fields of a true marker; undefined if there is no database */
  truth: ExpectedMarker | undefined
  /** whether the ready marker exists and is true */
  ready: boolean
}>

/**
 * Reads a volume without leaving a trace.
 * @param more reads anything else from the same snapshot
 * @returns the state, and what `more` returned; undefined if there is no database
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

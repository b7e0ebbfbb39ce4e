import { basename, join } from 'node:path'
import { attempt } from '../failure.ts'
import { makeTemporaryFolder, requireTemporarySpace } from '../volume/folders.ts'
import { type Connection, openExisting, openForReading } from './connect.ts'
import { hasHotJournal, hasLeftovers, sizeWithJournals } from './file.ts'
import { copyFiles, fileStamp, isQuiescent, knowsUris, needsWriting, openImmutable } from './read-only.ts'

/** One state of a database, which is read for long. */
export type Snapshot = Readonly<{
  connection: Connection
  /** whether a program has written to the database, or opened it in a way that may */
  isChanged: () => boolean
  close: () => void
}>

/**
 * Opens one state of a database to read it for long and once, without a trace; see `readOnly` for the ways. Unlike there the work
 * is not done again if the file is changed under an immutable connection: what was read by then may be torn, so ask isChanged at
 * the end, and after an error.
 * @throws Failure CONFIG_INVALID if it is not a regular file, DISK_FULL; SQLite's own errors
 */
export const openSnapshot = (path: string): Snapshot => {
  const before = stampOf(path)
  const isOther = (): boolean => stampOf(path) !== before
  if (isQuiescent(path)) {
    if (hasLeftovers(path) || !knowsUris()) return openRecovered(path, isOther)
    return begun(openImmutable(path), isOther)
  }
  // a second connection sees what others have committed since
  const watcher = openForReading(path)
  const opened = attempt(() => {
    const version = versionOf(watcher)
    return begun(openForReading(path), () => versionOf(watcher) !== version, watcher)
  })
  if ('value' in opened) return opened.value
  watcher.close()
  if (!needsWriting(opened.error)) throw opened.error
  return openRecovered(path, isOther)
}

const versionOf = (connection: Connection): unknown => connection.pragma('data_version', { simple: true })

/** Also tells of a WAL and a journal, which a writer fills first. */
const stampOf = (path: string): string => `${fileStamp(path)} ${sizeWithJournals(path)} ${hasHotJournal(path)}`

const begun = (connection: Connection, isChanged: () => boolean, ...more: readonly Connection[]): Snapshot => {
  const close = (): void => {
    for (const opened of [connection, ...more]) opened.close()
  }
  const outcome = attempt(() => {
    // each page is read once
    connection.pragma('cache_size = -2000')
    connection.exec('BEGIN')
    connection.prepare('SELECT count(*) FROM sqlite_schema').get()
  })
  if ('value' in outcome) return { connection, isChanged, close }
  connection.close()
  throw outcome.error
}

/** What a killed writer left can be read once SQLite has written: on a copy. */
const openRecovered = (path: string, isChanged: () => boolean): Snapshot => {
  const folder = makeTemporaryFolder()
  const opened = attempt(() => {
    requireTemporarySpace(folder.path, sizeWithJournals(path))
    const copy = join(folder.path, basename(path))
    copyFiles(path, copy)
    return begun(openExisting(copy), isChanged)
  })
  if ('error' in opened) {
    folder.remove()
    throw opened.error
  }
  const { connection, close } = opened.value
  return {
    ...{ connection, isChanged },
    close: () => {
      close()
      folder.remove()
    },
  }
}

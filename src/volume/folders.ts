import { basename, join } from 'node:path'
import { attempt, Failure } from '../failure.ts'
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmdirSync, statSync } from '../fs.ts'
import { formatBytes } from '../text.ts'
import { freeBytes, removeFile } from './files.ts'

/** Each database has its own: those of another one in the same folder are left alone. */
const prefixOf = (database: string): string => `.migrator-partial-${basename(database)}-`

/** The suffix that mkdtemp(3) appends. */
const random = /^[A-Za-z0-9]{6}$/

/** Names of older versions, the same for every database. */
const namedBefore = /^\.migrator-partial-[A-Za-z0-9]{6}$/

/** Milliseconds after which such a folder is no longer in use: a day. */
const longest = 24 * 3600 * 1000

/**
 * Removes the partial folders that killed runs on a database left in another folder, to free their space.
 * @param alone whether no other process can be using such a folder, as under the write lock; otherwise only those older
 *   than a day are removed
 */
export const removePartialFolders = (parent: string, database: string, alone: boolean): void => {
  if (!existsSync(parent)) return
  for (const folder of partialFolders(parent, database)) {
    const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0)
    if ((alone && !namedBefore.test(basename(folder))) || age > longest) removeFolder(folder)
  }
}

/** The partial folders in another one: of runs on this database, and of older versions. */
export const partialFolders = (parent: string, database: string): readonly string[] => {
  const prefix = prefixOf(database)
  const isOwn = (entry: string): boolean => entry.startsWith(prefix) && random.test(entry.slice(prefix.length))
  return readdirSync(parent)
    .filter(entry => isOwn(entry) || namedBefore.test(entry))
    .map(entry => join(parent, entry))
}

/**
 * Runs `work` with a new folder inside `parent`, so on its filesystem, for files that are renamed into place once
 * complete. The folder is always removed.
 * @throws what `work` throws; Failure DATABASE_BUSY if another run, with `alone`, removed the folder
 */
export const withPartialFolder = async <T>(
  parent: string,
  database: string,
  work: (folder: string) => Promise<T>,
): Promise<T> => {
  const folder = mkdtempSync(join(parent, prefixOf(database)))
  const outcome = await work(folder).then(
    value => ({ value }),
    error => ({ error }),
  )
  const isMine = existsSync(folder)
  // what cannot be removed now, the next run removes: the outcome of `work` is what to report
  attempt(() => removeFolder(folder))
  if ('value' in outcome) return outcome.value
  if (isMine) throw outcome.error
  const message = `another run is making a copy in ${parent}`
  throw new Failure('DATABASE_BUSY', message, 'Try again.', outcome.error)
}

/**
 * Removes a folder of this program with the files in it. Not with rmSync: its errors have an empty code and no errno
 * for what C++ has no name for, such as EIO, EROFS and ESTALE.
 */
export const removeFolder = (folder: string): void => {
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  if (stats === undefined) return
  // removes a link, not its target
  if (!stats.isDirectory()) {
    removeFile(folder)
    return
  }
  for (const entry of readdirSync(folder)) removeFile(join(folder, entry))
  rmdirSync(folder)
}

/** The system's temporary folder (TMPDIR); if /tmp is read-only, as in a hardened container, its shared memory. */
const usual = (): readonly string[] => {
  // loaded here: no run of `up` asks for it
  const folder = process.getBuiltinModule('node:os').tmpdir()
  return folder === '/tmp' ? [folder, '/dev/shm'] : [folder]
}

/**
 * Makes a folder in the first place that allows it. The caller must always call `remove`.
 * @throws Failure CONFIG_INVALID if no place does
 */
export const makeTemporaryFolder = (places = usual()): Readonly<{ path: string; remove: () => void }> => {
  for (const place of places) {
    const made = attempt(() => mkdtempSync(join(place, 'migrator-')))
    if ('value' in made) return { path: made.value, remove: () => removeFolder(made.value) }
  }
  const hint = 'Mount one (`--tmpfs /tmp` for docker run), or set TMPDIR to another.'
  throw new Failure('CONFIG_INVALID', `the temporary folder ${places[0]} cannot be written`, hint)
}

/** @throws Failure DISK_FULL if the folder's filesystem has fewer free bytes than that */
export const requireTemporarySpace = (folder: string, bytes: number): void => {
  const free = freeBytes(folder)
  if (free >= bytes) return
  const message = `the temporary folder ${folder} has ${formatBytes(free)} free, and a copy of the database may need ${formatBytes(bytes)}`
  throw new Failure('DISK_FULL', message, moreSpace)
}

export const moreSpace = 'Set TMPDIR to a folder with more space. The volume was not touched.'

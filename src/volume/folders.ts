import { existsSync, lstatSync, mkdtempSync, readdirSync, rmdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { attempt, Failure } from '../failure.ts'
import { formatBytes } from '../text.ts'
import { freeBytes, removeFile } from './files.ts'

/** The folders of one database: those of another one in the same folder are left alone. */
const prefixOf = (database: string): string => `.migrator-partial-${basename(database)}-`

/** What mkdtemp(3) puts behind the prefix. */
const random = /^[A-Za-z0-9]{6}$/

/** As older versions named them, for every database alike. */
const namedBefore = /^\.migrator-partial-[A-Za-z0-9]{6}$/

/** Milliseconds after which nobody works in such a folder any more: a day. */
const longest = 24 * 3600 * 1000

/**
 * Removes the partial folders that killed runs on a database left in another folder, so that there is their room again.
 * @param alone whether nobody else can be at work in such a folder now, as under the write lock; otherwise only those of yesterday
 *   are taken for left behind
 */
export const removePartialFolders = (parent: string, database: string, alone: boolean): void => {
  if (!existsSync(parent)) return
  const prefix = prefixOf(database)
  for (const entry of readdirSync(parent)) {
    const isOwn = entry.startsWith(prefix) && random.test(entry.slice(prefix.length))
    if (!isOwn && !namedBefore.test(entry)) continue
    const age = Date.now() - (statSync(join(parent, entry), { throwIfNoEntry: false })?.mtimeMs ?? 0)
    if ((alone && isOwn) || age > longest) removeFolder(join(parent, entry))
  }
}

/**
 * Runs `work` with a new folder inside of another, so on its filesystem, for files that get their place by rename once they are
 * whole. It is removed in every path.
 * @throws what `work` throws; Failure DATABASE_BUSY when another run, which was alone, took the folder away
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
  // what cannot be taken away now the next run takes away: how the work ended is what is to be told
  attempt(() => removeFolder(folder))
  if ('value' in outcome) return outcome.value
  if (isMine) throw outcome.error
  const message = `another run makes a copy in ${parent} at the same time`
  throw new Failure('DATABASE_BUSY', message, 'Start again.', outcome.error)
}

/**
 * Takes a folder of this program's away, with the files in it. Not by rmSync, whose errors have an empty code and no errno for what
 * C++ has no name for: EIO, EROFS, ESTALE.
 */
export const removeFolder = (folder: string): void => {
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  if (stats === undefined) return
  // a link is taken away, and not what it leads to
  if (!stats.isDirectory()) {
    removeFile(folder)
    return
  }
  for (const entry of readdirSync(folder)) removeFile(join(folder, entry))
  rmdirSync(folder)
}

/** The system's temporary folder (TMPDIR); where that is read-only, as in a hardened container, the shared memory that each has. */
const usual = (): readonly string[] => (tmpdir() === '/tmp' ? ['/tmp', '/dev/shm'] : [tmpdir()])

/**
 * Makes a folder in the first of some places that lets it. Whoever makes it calls `remove` in every path.
 * @throws Failure CONFIG_INVALID when there is no place for one
 */
export const makeTemporaryFolder = (places = usual()): Readonly<{ path: string; remove: () => void }> => {
  for (const place of places) {
    const made = attempt(() => mkdtempSync(join(place, 'migrator-')))
    if ('value' in made) return { path: made.value, remove: () => removeFolder(made.value) }
  }
  const hint = 'Mount one ("--tmpfs /tmp" for docker run), or name another with TMPDIR.'
  throw new Failure('CONFIG_INVALID', `the temporary folder ${places[0]} cannot be written`, hint)
}

/** @throws Failure DISK_FULL when a folder's filesystem has less room than that many bytes */
export const requireTemporarySpace = (folder: string, bytes: number): void => {
  const free = freeBytes(folder)
  if (free >= bytes) return
  const message = `the temporary folder ${folder} has room for ${formatBytes(free)}, and a copy of the database may need ${formatBytes(bytes)}`
  throw new Failure('DISK_FULL', message, moreSpace)
}

export const moreSpace = 'Name a folder with more room by TMPDIR. The volume was not touched.'

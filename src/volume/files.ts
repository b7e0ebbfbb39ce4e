import { basename, dirname } from 'node:path'
import { attempt, errorCode } from '../failure.ts'
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from '../fs.ts'

/**
 * Replaces the content of `file`, atomically even in a power cut: temporary file beside it, fsync, rename, fsync of the
 * folder. One writer of `file` at a time: the temporary file's name is fixed, so that the next run removes what a
 * killed one left. It is always created anew: a link or a pipe of that name is neither followed nor written to.
 */
export const replaceFile = (file: string, text: string): void => {
  const temporary = `${file}.migrator-tmp`
  removeFile(temporary)
  try {
    writeFileSync(temporary, text, { flag: 'wx', flush: true })
    renameSync(temporary, file)
  } catch (error) {
    attempt(() => removeFile(temporary))
    throw error
  }
  syncFolder(dirname(file))
}

/** Removes a file, or a link to one, if it exists. Not a folder. */
export const removeFile = (file: string): void => {
  const removed = attempt(() => unlinkSync(file))
  if ('error' in removed && errorCode(removed.error) !== 'ENOENT') throw removed.error
}

/** Makes renames in a folder durable. */
export const syncFolder = (folder: string): void => {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Copies the mode of `model` to a new file or folder and, as far as this user may, its group and owner. Root may set
 * both; other users only a group of their own, through which a hub of another user gets access. Some filesystems have
 * neither modes nor owners. By descriptor: a link at `path` is not followed.
 */
export const sameOwner = (path: string, model: string): void => {
  const { mode, uid, gid } = statSync(model)
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const asItIs = -1
    attempt(() => fchownSync(descriptor, asItIs, gid))
    attempt(() => fchownSync(descriptor, uid, asItIs))
    // after chown, which clears setuid bits
    attempt(() => fchmodSync(descriptor, mode & 0o7777))
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Makes a new database group-writable if its folder is: that is for several users, but SQLite creates files that only
 * their owner may write (and gives -wal, -shm and -journal the database's mode). Some filesystems have no modes.
 */
export const shareWithGroup = (file: string): void => {
  const groupMayWrite = 0o020
  if ((statSync(dirname(file)).mode & groupMayWrite) !== 0)
    attempt(() => chmodSync(file, statSync(file).mode | groupMayWrite))
}

/**
 * The first unused path: advances the timestamp by a second until no file starts with that name, so that no stray
 * journal can attach itself to a database.
 */
export const freePath = (pathAt: (stamp: string) => string, now: number = Date.now()): string => {
  const path = pathAt(utcStamp(now))
  const isTaken = readdirSync(dirname(path)).some(entry => entry.startsWith(basename(path)))
  return isTaken ? freePath(pathAt, now + 1000) : path
}

/**
 * Renames a file unless something else has the name: rename(2) would replace it.
 * @returns whether the name was free
 */
export const renameToFree = (from: string, to: string): boolean => {
  const linked = attempt(() => linkSync(from, to))
  if ('value' in linked) {
    unlinkSync(from)
    return true
  }
  if (errorCode(linked.error) === 'EEXIST') return false
  // FAT, exFAT and some network filesystems have no hard links: an empty file reserves the name
  const taken = attempt(() => closeSync(openSync(to, 'wx')))
  if ('error' in taken && errorCode(taken.error) === 'EEXIST') return false
  if ('error' in taken) throw taken.error
  const renamed = attempt(() => renameSync(from, to))
  if ('value' in renamed) return true
  unlinkSync(to)
  throw renamed.error
}

/** Whether the path is a folder, or a link to one. */
export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** A time for file names, in UTC to the second: `20260118T100000Z`. */
export const utcStamp = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replaceAll(/[-:]|\.\d+/g, '')

/** Size of a file in bytes; 0 if there is none. */
export const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Free bytes on a folder's filesystem; Infinity if it does not tell, such as ramfs and a tmpfs without a limit. */
export const freeBytes = (folder: string): number => {
  const { bavail, blocks, bsize } = statfsSync(folder)
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize
}

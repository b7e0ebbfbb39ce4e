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
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { attempt, errorCode } from '../failure.ts'

/**
 * Puts `text` into `file` so that even a power cut leaves the old content or all of the new: temporary file beside it,
 * fsync, rename, fsync of the folder. One writer of `file` at a time: the temporary file's name is fixed, so that the next run
 * takes away what a killed one left. It is always made anew: a link or a pipe of that name is neither followed nor written to.
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

/** Takes a file away, or a link to one, where it is there. Not a folder. */
export const removeFile = (file: string): void => {
  const removed = attempt(() => unlinkSync(file))
  if ('error' in removed && errorCode(removed.error) !== 'ENOENT') throw removed.error
}

/** Makes what was renamed in a folder durable. */
export const syncFolder = (folder: string): void => {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Gives a new file or folder the mode of another and, as far as this user may, its group and its owner: root may for the user who
 * has the volume, anybody else for a group of his own, through which a hub of another user has the file. Some filesystems have
 * neither modes nor owners to change. By descriptor: what `path` names is not followed where it is a link.
 */
export const sameOwner = (path: string, model: string): void => {
  const { mode, uid, gid } = statSync(model)
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const asItIs = -1
    attempt(() => fchownSync(descriptor, asItIs, gid))
    attempt(() => fchownSync(descriptor, uid, asItIs))
    // after the owner, whose change takes setuid bits away
    attempt(() => fchmodSync(descriptor, mode & 0o7777))
  } finally {
    closeSync(descriptor)
  }
}

/**
 * A folder that its group may write is for several users, and so is a new database in it: SQLite makes files that their owner
 * alone may write (and gives -wal, -shm and -journal the mode of the database). Some filesystems have no modes to change.
 */
export const shareWithGroup = (file: string): void => {
  const groupMayWrite = 0o020
  if ((statSync(dirname(file)).mode & groupMayWrite) !== 0)
    attempt(() => chmodSync(file, statSync(file).mode | groupMayWrite))
}

/**
 * The first path, from now on in steps of a second, that nobody has, nor has with more behind it: two files of one second get two
 * names, and a database none beside which another one's journal lies.
 */
export const freePath = (pathAt: (stamp: string) => string, now: number = Date.now()): string => {
  const path = pathAt(utcStamp(now))
  const isTaken = readdirSync(dirname(path)).some(entry => entry.startsWith(basename(path)))
  return isTaken ? freePath(pathAt, now + 1000) : path
}

/**
 * Renames a file, but takes no name that something else has: rename(2) replaces whatever is there.
 * @returns whether the name was free
 */
export const renameToFree = (from: string, to: string): boolean => {
  const linked = attempt(() => linkSync(from, to))
  if ('value' in linked) {
    unlinkSync(from)
    return true
  }
  if (errorCode(linked.error) === 'EEXIST') return false
  // FAT, exFAT and some network filesystems have no second names: an empty file takes the name first
  const taken = attempt(() => closeSync(openSync(to, 'wx')))
  if ('error' in taken && errorCode(taken.error) === 'EEXIST') return false
  if ('error' in taken) throw taken.error
  const renamed = attempt(() => renameSync(from, to))
  if ('value' in renamed) return true
  unlinkSync(to)
  throw renamed.error
}

/** Whether there is a folder, or a link to one. */
export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** A time as it stands in the names of files, in UTC to the second: `20260118T100000Z`. */
export const utcStamp = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replaceAll(/[-:]|\.\d+/g, '')

/** Bytes of a file; 0 where there is none. */
export const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** How many bytes are free on a folder's filesystem; Infinity where it does not tell, such as ramfs and a tmpfs without a limit. */
export const freeBytes = (folder: string): number => {
  const { bavail, blocks, bsize } = statfsSync(folder)
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize
}

import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join, parse } from 'node:path'
import Database from 'better-sqlite3'
import { syncFolder } from '../volume/replace-file.ts'
import { refuseDamage } from './damage.ts'

/** The folder of a database's backups, beside it. */
export const backupFolder = (database: string): string => join(dirname(database), 'backups')

/** A database's backups, oldest first: absolute paths. */
export const listBackups = (database: string): readonly string[] => {
  const folder = backupFolder(database)
  const prefix = `${parse(database).name}-`
  const entries = existsSync(folder) ? readdirSync(folder) : []
  return entries
    .filter(entry => entry.startsWith(prefix) && entry.endsWith('.db'))
    .map(entry => join(folder, entry))
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
}

/**
 * Copies the last committed content into `backups/<database>-<from>-<UTC>.db`, on a connection of its own: another one
 * may hold the write lock meanwhile. The copy gets its name only when it is whole, on disk and checked.
 * Then all but the newest `keep` backups are removed.
 * @param from the schema it holds: the last applied migration
 * @returns the backup's path
 * @throws Failure DATABASE_DAMAGED when the copy is not sound; SQLite's own errors (SQLITE_FULL)
 */
export const backUp = (database: string, from: string, keep: number): string => {
  const folder = backupFolder(database)
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const file = join(folder, `${parse(database).name}-${from}-${stamp}.db`)
  const partial = `${file}.partial`
  mkdirSync(folder, { recursive: true })
  removePartials(folder)
  try {
    copyInto(database, partial)
    checkCopy(partial)
    chmodSync(partial, statSync(database).mode)
    syncFile(partial)
    renameSync(partial, file)
    syncFolder(folder)
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  }
  for (const old of listBackups(database).slice(0, -keep)) rmSync(old)
  return file
}

/** What a killed run left; only the holder of the write lock makes backups. */
const removePartials = (folder: string): void => {
  for (const entry of readdirSync(folder).filter(name => name.endsWith('.partial'))) rmSync(join(folder, entry))
}

const copyInto = (database: string, target: string): void => {
  const source = new Database(database, { fileMustExist: true })
  try {
    source.prepare('VACUUM INTO ?').run(target)
  } finally {
    source.close()
  }
}

const checkCopy = (file: string): void => {
  const copy = new Database(file, { readonly: true })
  try {
    refuseDamage(copy, 'quick_check', file)
  } finally {
    copy.close()
  }
}

const syncFile = (file: string): void => {
  const descriptor = openSync(file, 'r+')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

import { statSync } from 'node:fs'
import { backupFolder } from '../database/backups.ts'
import type { Connection } from '../database/open.ts'
import type { MigrationText } from '../migrations/files.ts'
import { rewrittenTables, sizeOfTable } from '../migrations/rewrites.ts'
import { sizeOf } from '../size-of.ts'
import { filesystemOf } from '../volume/filesystem.ts'
import type { Need } from '../volume/room.ts'
import type { Context } from './context.ts'

/** -wal and -shm, or -journal, of a run that writes next to nothing. */
export const roomForJournal = (folder: string): Need => ({ what: 'journal', folder, bytes: 256 * 1024, files: 3 })

/** The marker and its temporary file. */
export const roomForMarker = (folder: string): Need => ({ what: 'ready marker', folder, bytes: 8 * 1024, files: 2 })

/** None for a clone. Where it is none after all, the disk fills and says so. */
export const roomForBackup = ({ config, host }: Context): Need => {
  const { database, volume } = config
  const folder = statSync(backupFolder(database), { throwIfNoEntry: false })?.isDirectory()
    ? backupFolder(database)
    : volume
  const isOneFilesystem = statSync(folder).dev === statSync(volume).dev
  const { clones } = filesystemOf(host.mounts, folder)
  // the folders, the copy and its WAL, and the file that says whose it is
  return {
    what: 'backup',
    folder,
    bytes: isOneFilesystem && clones ? 0 : sizeOf(database) + sizeOf(`${database}-wal`),
    files: 6,
  }
}

/** A table written anew is there twice until it is committed, and once more in the journal or the WAL. */
export const roomForRewrites = (
  connection: Connection,
  folder: string,
  texts: readonly MigrationText[],
): readonly Need[] => {
  const tables = rewrittenTables(texts).map(table => ({ table, bytes: sizeOfTable(connection, table) }))
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0)
  return [
    ...tables.map(({ table, bytes }) => ({ what: `rebuild of ${table ?? 'a table'}`, folder, bytes, files: 0 })),
    { what: 'its journal', folder, bytes, files: 0 },
  ]
}

/** What runs and restores left on a volume, which nothing needs any more or a person has to look at. */

import { basename, dirname, join } from 'node:path'
import { backupFolder, listBackups, listReplaced } from '../backup/backups.ts'
import { unfinishedBackup } from '../backup/protect.ts'
import type { Config } from '../config.ts'
import { unlessGone } from '../failure.ts'
import { existsSync, readdirSync, statSync } from '../fs.ts'
import type { Screen } from '../log.ts'
import { withdrawn } from '../ready/marker.ts'
import { formatBytes, formatThings, headedTable } from '../text.ts'
import { isFolder, sizeOf } from '../volume/files.ts'
import { partialFolders } from '../volume/folders.ts'

type Place = Pick<Config, 'database' | 'readyFile' | 'volume'>

export type Leftover = Readonly<{
  /**
   * `replaced`: a database that a restore replaced, with its journal; `withdrawn marker`: of a run that did not finish;
   * `unfinished backup`: of a run that failed or was killed, or is at work
   */
  kind: 'replaced' | 'withdrawn marker' | 'unfinished backup'
  file: string
  bytes: number
}>

/** Everything that is left over, replaced databases first. Reads only. */
export const findLeftovers = ({ database, readyFile, volume }: Place): readonly Leftover[] => {
  const name = unfinishedBackup(database)
  const unfinished = listBackups(database).filter(({ file }) => basename(file) === name)
  const partials = [volume, backupFolder(database)].filter(isFolder).flatMap(folder => partialFolders(folder, database))
  return [
    ...replacedDatabases(database),
    ...[withdrawn(readyFile)]
      .filter(file => existsSync(file))
      .map(file => ({ kind: 'withdrawn marker' as const, file, bytes: sizeOf(file) })),
    ...[...unfinished.map(({ file }) => file), ...partials].map(file => ({
      kind: 'unfinished backup' as const,
      file,
      bytes: treeSize(file),
    })),
  ]
}

/** The databases that restores replaced, oldest first. */
export const replacedDatabases = (database: string): readonly Leftover[] =>
  listReplaced(database).map(file => ({
    kind: 'replaced',
    file,
    bytes: filesOf(file).reduce((sum, path) => sum + sizeOf(path), 0),
  }))

/** A replaced database, and what SQLite had beside it. */
export const filesOf = (replaced: string): readonly string[] =>
  readdirSync(dirname(replaced))
    .filter(entry => ['', '-wal', '-journal', '-shm'].some(suffix => entry === basename(replaced) + suffix))
    .map(entry => join(dirname(replaced), entry))

/** Of a file, or of the files in a folder, which a run may remove meanwhile. */
const treeSize = (path: string): number =>
  unlessGone(() =>
    isFolder(path)
      ? readdirSync(path).reduce((sum, entry) => sum + treeSize(join(path, entry)), 0)
      : statSync(path).size,
  ) ?? 0

/** For a person; nothing where nothing is left. */
export const leftoversText = (found: readonly Leftover[], screen: Screen): readonly string[] => {
  if (found.length === 0) return []
  const bytes = found.reduce((sum, leftover) => sum + leftover.bytes, 0)
  const rows = found.slice(0, 10).map(leftover => [basename(leftover.file), leftover.kind, formatBytes(leftover.bytes)])
  return [
    `${formatThings(found.length, 'leftover')}, ${formatBytes(bytes)}:`,
    ...headedTable(screen, ['file', 'what', 'size'], rows),
    ...(found.length > 10 ? [`  and ${found.length - 10} more`] : []),
    ...(found.some(({ kind }) => kind === 'replaced')
      ? ['  Remove the replaced databases with `migrator backups prune`.']
      : []),
  ]
}

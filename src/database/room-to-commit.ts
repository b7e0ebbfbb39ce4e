import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { sizeOf } from '../size-of.ts'
import { refuseShortRoom } from '../volume/room.ts'
import type { Connection } from './open.ts'

/**
 * In WAL mode a commit succeeds as soon as it is in the WAL. On a disk that is full by then the database cannot take in what is
 * in there, and whoever opens it next finds neither room nor a way back. So there must be room for both before the commit.
 * @param isCloned whether the database shares its blocks with a backup: what is written over takes new ones then
 * @throws Failure DISK_FULL; the caller rolls back
 */
export const refuseNoRoomToCommit = (connection: Connection, isCloned: boolean): void => {
  const ask = (name: string): number => Number(connection.pragma(name, { simple: true }))
  if (connection.pragma('journal_mode', { simple: true }) !== 'wal') return
  const bytes = ask('page_count') * ask('page_size')
  // a negative cache size is in KiB; how many of its pages are not in the WAL yet is not told
  const unwritten = Math.min(bytes, -ask('cache_size') * 1024)
  const growth = bytes - statSync(connection.name).size
  const taken = isCloned ? Math.min(bytes, sizeOf(`${connection.name}-wal`) + unwritten) : growth
  if (taken <= 0) return
  const folder = dirname(connection.name)
  refuseShortRoom([
    { what: 'the database takes in', folder, bytes: taken, files: 0 },
    { what: 'WAL', folder, bytes: unwritten, files: 0 },
  ])
}

import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { refuseShortRoom } from '../volume/room.ts'
import type { Connection } from './open.ts'

/**
 * In WAL mode a commit succeeds as soon as it is in the WAL. On a disk that is full by then the database cannot grow by what is
 * in there, and whoever opens it next finds neither room nor a way back. So there must be room for both before the commit.
 * @throws Failure DISK_FULL; the caller rolls back
 */
export const refuseNoRoomToCommit = (connection: Connection): void => {
  const ask = (name: string): number => Number(connection.pragma(name, { simple: true }))
  if (connection.pragma('journal_mode', { simple: true }) !== 'wal') return
  const bytes = ask('page_count') * ask('page_size')
  const growth = bytes - statSync(connection.name).size
  if (growth <= 0) return
  // a negative cache size is in KiB; how many of its pages are not in the WAL yet is not told
  const unwritten = Math.min(bytes, -ask('cache_size') * 1024)
  const folder = dirname(connection.name)
  refuseShortRoom([
    { what: 'the database grows by', folder, bytes: growth, files: 0 },
    { what: 'WAL', folder, bytes: unwritten, files: 0 },
  ])
}

import { dirname } from 'node:path'
import type { Space } from '../engine.ts'
import { statSync } from '../fs.ts'
import { sizeOf } from '../volume/files.ts'
import { requireSpace } from '../volume/space.ts'
import type { Connection } from './connect.ts'

/**
 * In WAL mode a commit succeeds once it is in the WAL. If the disk is full by then, no checkpoint fits, and the next connection
 * can neither go on nor roll back. So this requires space for the WAL and the checkpoint before the commit.
 * @param isCloned whether the database shares blocks with a backup: overwriting those allocates new ones
 * @throws Failure DISK_FULL; the caller rolls back
 */
export const requireSpaceToCommit = (connection: Connection, isCloned: boolean): void => {
  const ask = (name: string): number => Number(connection.pragma(name, { simple: true }))
  if (connection.pragma('journal_mode', { simple: true }) !== 'wal') return
  const bytes = ask('page_count') * ask('page_size')
  // a negative cache_size is in KiB; SQLite does not tell how many cached pages are still unwritten
  const unwritten = Math.min(bytes, -ask('cache_size') * 1024)
  const growth = bytes - statSync(connection.name).size
  const taken = isCloned ? Math.min(bytes, sizeOf(`${connection.name}-wal`) + unwritten) : growth
  if (taken <= 0) return
  const folder = dirname(connection.name)
  requireSpace([
    { what: 'the database takes in', folder, bytes: taken, files: 0 },
    { what: 'WAL', folder, bytes: unwritten, files: 0 },
  ])
}

/** The calls that rewrite a table; its name is the first argument, or `{ table: ... }`. */
const calls = /\b(?:rebuildTable|changeColumn|addConstraint|removeConstraint)\s*\(\s*(?:['"`](?<first>[^'"`]+)['"`])?/g
const backfills = /\bbackfill\s*\((?:[^;]*?\btable:\s*['"`](?<first>[^'"`]+)['"`])?/g
const updates = /\bUPDATE\s+(?:OR\s+\w+\s+)?["`'[]?(?<first>[\w$\u0080-\uffff]+)(?=[^;]*?\bSET\b)/gi

/**
 * The tables that migrations rewrite, as far as their texts tell, to estimate the disk space beforehand. Other rewrites show
 * only when they run; if the disk fills then, all is rolled back.
 * @returns table names; `undefined` for a call that does not name its table
 */
export const rewrittenTables = (texts: readonly string[]): readonly (string | undefined)[] => {
  const names = texts.flatMap(text =>
    [calls, backfills, updates].flatMap(pattern => [...text.matchAll(pattern)].map(({ groups }) => groups?.first)),
  )
  return [...new Set(names)]
}

/** The size in bytes of a table with its indexes, or of all tables; 0 if it does not exist. Reads its pages (dbstat). */
export const sizeOfTable = (connection: Connection, table: string | undefined): number =>
  Number(
    connection
      .prepare<[string | null], number>(
        `SELECT coalesce(sum(pgsize), 0) FROM dbstat
         WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name = coalesce(?, tbl_name) COLLATE NOCASE)`,
      )
      .pluck()
      .get(table ?? null),
  )

/** A rewritten table exists twice until the commit, and once more in the journal or WAL. */
export const spaceForRewrites = (connection: Connection, texts: readonly string[]): readonly Space[] => {
  const tables = rewrittenTables(texts).map(table => ({ table, bytes: sizeOfTable(connection, table) }))
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0)
  return [
    ...tables.map(({ table, bytes }) => ({ what: `rebuild of ${table ?? 'a table'}`, bytes, files: 0 })),
    { what: 'its journal', bytes, files: 0 },
  ]
}

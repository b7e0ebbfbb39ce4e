import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Space } from '../engine.ts'
import { sizeOf } from '../volume/files.ts'
import { requireSpace } from '../volume/space.ts'
import type { Connection } from './connect.ts'

/**
 * In WAL mode a commit succeeds as soon as it is in the WAL. On a disk that is full by then the database cannot take in what is
 * in there, and whoever opens it next finds neither room nor a way back. So there must be room for both before the commit.
 * @param isCloned whether the database shares its blocks with a backup: what is written over takes new ones then
 * @throws Failure DISK_FULL; the caller rolls back
 */
export const requireSpaceToCommit = (connection: Connection, isCloned: boolean): void => {
  const ask = (name: string): number => Number(connection.pragma(name, { simple: true }))
  if (connection.pragma('journal_mode', { simple: true }) !== 'wal') return
  const bytes = ask('page_count') * ask('page_size')
  // a negative cache size is in KiB; how many of its pages are not in the WAL yet is not told
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

/** The calls that write a table anew, and what names it: a first argument, or `{ table: ... }`. */
const calls = /\b(?:rebuildTable|changeColumn|addConstraint|removeConstraint)\s*\(\s*(?:['"`](?<first>[^'"`]+)['"`])?/g
const backfills = /\bbackfill\s*\((?:[^;]*?\btable:\s*['"`](?<first>[^'"`]+)['"`])?/g
const updates = /\bUPDATE\s+["`']?(?<first>[\w$\u0080-\uffff]+)/g

/**
 * The tables that migrations write anew, as far as their texts tell: to know beforehand how much room is needed. What they
 * do besides is found out when they run; the disk may still fill, and all is rolled back.
 * @returns `undefined` among the names where a text does not say which table
 */
export const rewrittenTables = (texts: readonly string[]): readonly (string | undefined)[] => {
  const names = texts.flatMap(text =>
    [calls, backfills, updates].flatMap(pattern => [...text.matchAll(pattern)].map(({ groups }) => groups?.first)),
  )
  return [...new Set(names)]
}

/** The size in bytes of a table with its indexes, or of all; 0 for a table that is not there. Reads its pages (dbstat). */
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

/** A table written anew is there twice until it is committed, and once more in the journal or the WAL. */
export const spaceForRewrites = (connection: Connection, texts: readonly string[]): readonly Space[] => {
  const tables = rewrittenTables(texts).map(table => ({ table, bytes: sizeOfTable(connection, table) }))
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0)
  return [
    ...tables.map(({ table, bytes }) => ({ what: `rebuild of ${table ?? 'a table'}`, bytes, files: 0 })),
    { what: 'its journal', bytes, files: 0 },
  ]
}

import type { Connection } from '../database/open.ts'
import type { MigrationText } from './files.ts'

/** The calls that write a table anew, and what names it: a first argument, or `{ table: ... }`. */
const calls = /\b(?:rebuildTable|changeColumn|addConstraint)\s*\(\s*(?:['"`](?<first>[^'"`]+)['"`])?/g
const backfills = /\bbackfill\s*\((?:[^;]*?\btable:\s*['"`](?<first>[^'"`]+)['"`])?/g
const updates = /\bUPDATE\s+["`']?(?<first>\w+)/g

/**
 * The tables that migrations write anew, as far as their texts tell: to know beforehand how much room is needed. What they
 * do besides is found out when they run; the disk may still fill, and all is rolled back.
 * @returns `undefined` among the names where a text does not say which table
 */
export const rewrittenTables = (texts: readonly MigrationText[]): readonly (string | undefined)[] => {
  const names = texts.flatMap(({ text }) =>
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
         WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name = coalesce(?, tbl_name))`,
      )
      .pluck()
      .get(table ?? null),
  )

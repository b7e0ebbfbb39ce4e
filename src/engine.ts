/** A statement that is about to run, with the values of its parameters. */
export type SqlStatement = Readonly<{ sql: string; bound: readonly unknown[] | Readonly<Record<string, unknown>> }>

/** What came of a statement. */
export type SqlResult = Readonly<{
  /** as it was run: a BEGIN that was asked for may be a SAVEPOINT */
  sql: string
  /** it gives rows and changes nothing */
  reads: boolean
  rows: readonly unknown[]
  /** rows that it wrote; of one that gives rows (RETURNING) those are counted */
  changes: number
  lastID: number
}>

/** Stands around each statement: calls `execute` to run it, or throws, or gives another outcome in its place. */
export type StatementHook = (asked: SqlStatement, execute: () => SqlResult) => SqlResult

/** What comes of a statement that does nothing. */
export const noResult: SqlResult = { sql: '', reads: false, rows: [], changes: 0, lastID: 0 }

/** Runs every statement as it is. */
export const runPlain: StatementHook = (_asked, execute) => execute()

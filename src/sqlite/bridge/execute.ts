import type Database from 'better-sqlite3'
import { noResult, type SqlResult, type SqlStatement } from '../../engine.ts'
import { attempt } from '../../failure.ts'
import type { Connection } from '../connect.ts'
import { fromSqlite, toArguments, toRow } from './values.ts'

type Row = Readonly<Record<string, unknown>>
type Statement = Database.Statement<(readonly unknown[] | object)[], Row>

/** Runs a statement of prepareOne with the bound values. @throws SQLite's errors */
export const execute = (connection: Connection, statement: Statement, asked: SqlStatement): SqlResult => {
  const { sql } = asked
  const values = toArguments(asked)
  if (!statement.reader) {
    const { lastInsertRowid, changes } = statement.run(...values)
    return { ...noResult, sql, changes, lastID: fromSqlite(lastInsertRowid) }
  }
  const rows = statement.all(...values).map(toRow)
  if (statement.readonly) return { ...noResult, sql, reads: true, rows }
  const [changes, lastID] = connection
    .prepare<[], unknown[]>('SELECT changes(), last_insert_rowid()')
    .safeIntegers()
    .raw()
    .all()
    .flat()
    .map(fromSqlite)
  return { ...noResult, sql, rows, changes: Number(changes), lastID }
}

/**
 * Prepares a text of one statement. Only SQLite can tell: a `;` may be part of a string, a comment or a trigger.
 * @throws an Error for several statements; the `sqlite3` package would run the first and ignore the rest. SQLite's errors
 */
export const prepareOne = (connection: Connection, sql: string): Statement => {
  const prepared = attempt(() => connection.prepare<(readonly unknown[] | object)[], Row>(sql))
  if ('value' in prepared) return prepared.value.safeIntegers()
  if (prepared.error instanceof RangeError && /more than one statement/.test(prepared.error.message))
    throw new Error('there are several statements in one text: pass each in a separate call', {
      cause: prepared.error,
    })
  throw prepared.error
}

/** SQLite's primary result codes: https://www.sqlite.org/rescode.html */
const resultCodes: ReadonlyMap<string, number> = new Map(
  [
    ['ERROR', 'INTERNAL', 'PERM', 'ABORT', 'BUSY', 'LOCKED', 'NOMEM', 'READONLY', 'INTERRUPT', 'IOERR'],
    ['CORRUPT', 'NOTFOUND', 'FULL', 'CANTOPEN', 'PROTOCOL', 'EMPTY', 'SCHEMA', 'TOOBIG', 'CONSTRAINT', 'MISMATCH'],
    ['MISUSE', 'NOLFS', 'AUTH', 'FORMAT', 'RANGE', 'NOTADB', 'NOTICE', 'WARNING'],
  ]
    .flat()
    .map((name, index) => [`SQLITE_${name}`, index + 1]),
)

/**
 * An error in the form of the `sqlite3` package: `SQLITE_BUSY: database is locked`, with the primary `code` and its `errno`.
 * Sequelize decides by the message whether to retry, and by the code whether to throw UniqueConstraintError and the like.
 * `cause` is SQLite's own error.
 */
export const sqlite3Error = (code: string, sentence: string, cause?: unknown): Error =>
  Object.assign(new Error(`${code}: ${sentence}`, { cause }), { code, errno: resultCodes.get(code) })

/** Converts an error of better-sqlite3 as sqlite3Error does; returns any other Error unchanged. */
export const toSqlite3Error = (error: unknown): Error => {
  if (!(error instanceof Error)) return new Error(String(error))
  const primary = 'code' in error ? /^SQLITE_[A-Z]+/.exec(String(error.code))?.[0] : undefined
  // an error with an errno was converted before
  return primary === undefined || 'errno' in error ? error : sqlite3Error(primary, error.message, error)
}

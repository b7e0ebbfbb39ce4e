import { noResult, type SqlResult, type SqlStatement } from '../../engine.ts'
import { attempt } from '../../failure.ts'
import type { Connection } from '../connect.ts'
import { fromSqlite, toArguments, toRow } from './values.ts'

type Row = Readonly<Record<string, unknown>>
type Statement = ReturnType<typeof prepareOne>

/** Runs a statement of prepareOne with the values that were asked for. @throws what SQLite says */
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
 * Prepares a text that is one statement, which SQLite alone can tell: `;` may stand in a string, a comment or a trigger.
 * @throws an Error where there are several; the `sqlite3` package would run the first and forget the others
 */
export const prepareOne = (connection: Connection, sql: string) => {
  const prepared = attempt(() => connection.prepare<(readonly unknown[] | object)[], Row>(sql))
  if ('value' in prepared) return prepared.value.safeIntegers()
  if (prepared.error instanceof RangeError && /more than one statement/.test(prepared.error.message))
    throw new Error('there are several statements in one text: give each to a call of its own', {
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
 * An error as the `sqlite3` package words it: `SQLITE_BUSY: database is locked`, with the primary `code` and its `errno`.
 * Sequelize tries a statement again by that sentence, and makes UniqueConstraintError and its like by that code.
 * `cause` is what SQLite itself said.
 */
export const sqlite3Error = (code: string, sentence: string, cause?: unknown): Error =>
  Object.assign(new Error(`${code}: ${sentence}`, { cause }), { code, errno: resultCodes.get(code) })

/** What better-sqlite3 threw, as sqlite3Error has it; any other error as it came. */
export const toSqlite3Error = (error: unknown): Error => {
  if (!(error instanceof Error)) return new Error(String(error))
  const primary = 'code' in error ? /^SQLITE_[A-Z]+/.exec(String(error.code))?.[0] : undefined
  // one that has been through here has an errno
  return primary === undefined || 'errno' in error ? error : sqlite3Error(primary, error.message, error)
}

import { noResult, type SqlResult, type SqlStatement } from '../engine.ts'
import { attempt } from '../failure.ts'
import type { Connection } from './connect.ts'
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

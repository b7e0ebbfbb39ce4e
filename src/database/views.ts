import { attempt } from '../attempt.ts'
import type { Connection } from './open.ts'
import { sqliteError } from './sqlite-failure.ts'
import { quote } from './tokens.ts'

export type View = Readonly<{
  name: string
  sql: string
  /** why it cannot be read, as where a table that it names is gone; null where it can */
  error: string | null
}>

/** The views of a database by name. SQLite lets a view stand whose tables are gone, and says so when it is read. */
export const readViews = (connection: Connection): readonly View[] =>
  connection
    .prepare<[], { name: string; sql: string }>("SELECT name, sql FROM sqlite_schema WHERE type = 'view' ORDER BY name")
    .all()
    .map(view => ({ ...view, error: errorOf(connection, view.name) }))

/** A function of the hub's own, which this program has not, is no fault of a view. */
const notHere = /^no such (?:function|module|collation sequence)\b/

const errorOf = (connection: Connection, name: string): string | null => {
  const outcome = attempt(() => connection.prepare(`SELECT * FROM main.${quote(name)} LIMIT 0`))
  const said = 'value' in outcome ? undefined : sqliteError(outcome.error)
  return said === undefined || notHere.test(said.message) ? null : said.message
}

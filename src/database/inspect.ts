import { attempt } from '../attempt.ts'
import { countTables, type TableSize } from './count-tables.ts'
import { isStrange } from './header.ts'
import { look } from './look.ts'
import type { Connection } from './open.ts'
import { readTableNames } from './schema.ts'
import { sqliteError, unlessUnknownHere } from './sqlite-failure.ts'
import { quote } from './tokens.ts'
import { wrongSize } from './wrong-size.ts'

/**
 * How to read a whole database for damage: `quick_check` finds broken pages, NOT NULL and CHECK violations; `integrity_check`
 * also finds indexes that do not match their tables, in about three times the time.
 */
export type Check = 'quick_check' | 'integrity_check'

export type Inspected = Readonly<{
  /** what is wrong, the first few; none in a sound database */
  findings: readonly string[]
  /** of a sound database; none in another */
  rows: readonly TableSize[]
}>

/** How many findings are told; SQLite stops looking there. */
const most = 3

/**
 * Reads a whole database for damage and counts its rows. Leaves no trace (see `look`).
 * @throws SQLite's errors, other than those that say that the file is damaged: that is a finding
 */
export const inspect = (path: string, check: Check): Inspected => {
  if (isStrange(path)) return { findings: ['its first bytes are not those of a SQLite database'], rows: [] }
  const outcome = attempt(() => look(path, connection => inspectOpen(path, connection, check)))
  if ('value' in outcome) return outcome.value
  const said = sqliteError(outcome.error)
  if (said === undefined || !/^SQLITE_(?:NOTADB|CORRUPT|ERROR)/.test(said.code)) throw outcome.error
  return { findings: [said.message], rows: [] }
}

/** In one transaction: a writer would change the file's size between two questions. */
const inspectOpen = (path: string, connection: Connection, check: Check): Inspected =>
  connection.transaction(() => {
    const findings = [...wrongSize(path, connection), ...checkAll(connection, check), ...wrongMarks(connection)]
    return { findings: findings.slice(0, most), rows: findings.length === 0 ? countTables(connection) : [] }
  })()

/** What only the hub can read (a collation or a module of its own) stops the check: then each table is read by itself. */
const checkAll = (connection: Connection, check: Check): readonly string[] => {
  const [whole] = unlessUnknownHere(() => runCheck(connection, check, String(most)))
  return (
    whole ??
    readTableNames(connection).flatMap(name => unlessUnknownHere(() => runCheck(connection, check, quote(name))).flat())
  )
}

const runCheck = (connection: Connection, check: Check, of: string): readonly string[] => {
  const checked = connection.prepare<[], string>(`PRAGMA ${check}(${of})`).pluck().all()
  return checked.length === 1 && checked[0] === 'ok' ? [] : checked.map(text => text.replaceAll('\n', ' '))
}

/**
 * Every other table of a hub has an index that its rows are held against; SQLite's own for AUTOINCREMENT has none. The marks
 * themselves may be of any type: whoever wrote one by hand is not refused for it.
 */
const wrongMarks = (connection: Connection): readonly string[] => {
  const ofSchema = connection.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'").pluck()
  if (ofSchema.get() === 0) return []
  const wrong = connection.prepare("SELECT count(*) FROM sqlite_sequence WHERE typeof(name) <> 'text'").pluck().get()
  return wrong === 0 ? [] : [`${wrong} rows of sqlite_sequence are of no table`]
}

import { statSync } from 'node:fs'
import type { Config } from '../config.ts'
import type { TableSize } from '../engine.ts'
import { attempt, attemptAsync, Failure } from '../failure.ts'
import type { Connection } from './connect.ts'
import { leftAsItIs, sqliteCode, sqliteError, unlessUnknownHere } from './errors.ts'
import { hasBadHeader } from './file.ts'
import { type Helper, runHelper } from './helper.ts'
import { readOnly } from './read-only.ts'
import { readObjects, wrongSize } from './reader.ts'
import { tableNames } from './schema/read.ts'
import { quote } from './sql.ts'

/**
 * How to read a whole database for damage: `quick_check` finds broken pages, NOT NULL and CHECK violations; `integrity_check`
 * also finds indexes that do not match their tables, in about three times the time.
 */
export type Check = 'quick_check' | 'integrity_check'

/** How a whole database is read for damage, where it is read. */
export const checkOf = ({ check }: Config): Check => (check === 'always' ? 'integrity_check' : 'quick_check')

export type FileCheck = Readonly<{
  /** what is wrong, the first few; none in a sound database */
  findings: readonly string[]
  /** of a sound database; none in another */
  rows: readonly TableSize[]
}>

/** How many findings are told; SQLite stops looking there. */
const most = 3

/**
 * Reads a whole database for damage and counts its rows. Leaves no trace (see `readOnly`).
 * @throws SQLite's errors, other than those that say that the file is damaged: that is a finding
 */
export const checkFile = async (path: string, check: Check): Promise<FileCheck> => {
  if (hasBadHeader(path)) return { findings: ['its first bytes are not those of a SQLite database'], rows: [] }
  const outcome = await attemptAsync(() => readOnly(path, async connection => inspectOpen(path, connection, check)))
  if ('value' in outcome) return outcome.value
  const said = sqliteError(outcome.error)
  if (said === undefined || !/^SQLITE_(?:NOTADB|CORRUPT|ERROR)/.test(said.code)) throw outcome.error
  return { findings: [said.message], rows: [] }
}

/** In one transaction: a writer would change the file's size between two questions. */
const inspectOpen = (path: string, connection: Connection, check: Check): FileCheck =>
  connection.transaction(() => {
    const findings = [...wrongSize(path, connection), ...checkAll(connection, check), ...wrongMarks(connection)]
    return { findings: findings.slice(0, most), rows: findings.length === 0 ? countTables(connection) : [] }
  })()

/** What only the hub can read (a collation or a module of its own) stops the check: then each table is read by itself. */
const checkAll = (connection: Connection, check: Check): readonly string[] => {
  const [whole] = unlessUnknownHere(() => runCheck(connection, check, String(most)))
  return (
    whole ??
    readObjects(connection)
      .filter(({ type }) => type === 'table')
      .flatMap(({ name }) => unlessUnknownHere(() => runCheck(connection, check, quote(name))).flat())
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

/**
 * Reads a whole database for damage, in a helper process.
 * @throws Failure DATABASE_DAMAGED with the first findings; SQLite's own errors
 */
export const requireSound = async (path: string, check: Check, helper: Helper): Promise<void> =>
  refuseDamage(path, await checkFileByHelper(path, check, helper))

/** What `inspect` finds, in a helper process. */
export const checkFileByHelper = async (path: string, check: Check, helper: Helper): Promise<FileCheck> => {
  const { size } = statSync(path)
  return (await runHelper(helper, ['inspect', path, check], read =>
    helper.onProgress('checking', Math.min(read, size), size),
  )) as FileCheck
}

/** @throws Failure DATABASE_DAMAGED when there are findings */
export const refuseDamage = (path: string, { findings }: FileCheck): void => {
  if (findings.length === 0) return
  throw new Failure('DATABASE_DAMAGED', `${path} is damaged: ${findings.join('; ')}`, leftAsItIs)
}

/** How many rows each table has, by name; without those that only their hub can read (a virtual table of its own module). */
export const countTables = (connection: Connection): readonly TableSize[] =>
  tableNames(connection).flatMap(name => countRows(connection, name).map(rows => ({ name, rows })))

/** How many rows a table has; nothing for one that only its hub can read, or a virtual one whose content is elsewhere, and gone. */
export const countRows = (connection: Connection, table: string): readonly number[] => {
  const counted = attempt(() =>
    unlessUnknownHere(() =>
      connection
        .prepare<[], number>(`SELECT count(*) FROM main.${quote(table)}`)
        .pluck()
        .all(),
    ).flat(),
  )
  if ('value' in counted) return counted.value
  if (sqliteCode(counted.error) === 'SQLITE_ERROR' && isVirtual(connection, table)) return []
  throw counted.error
}

const isVirtual = (connection: Connection, table: string): boolean =>
  connection.prepare('SELECT 1 FROM main.sqlite_schema WHERE name = ? AND rootpage = 0').get(table) !== undefined

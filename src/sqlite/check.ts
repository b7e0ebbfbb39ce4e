import type { Config } from '../config.ts'
import type { TableSize } from '../engine.ts'
import { attempt, attemptAsync, Failure } from '../failure.ts'
import { statSync } from '../fs.ts'
import type { Connection } from './connect.ts'
import { isLogicError, leftAsItIs, sqliteError, unlessUnknownHere } from './errors.ts'
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

/** The check to run where a whole database is checked for damage. */
export const checkOf = ({ check }: Config): Check => (check === 'always' ? 'integrity_check' : 'quick_check')

export type FileCheck = Readonly<{
  /** the first few faults; empty for a sound database */
  findings: readonly string[]
  /** what cannot be checked, and why: it needs a function, collation or table that only the hub has. No sign of damage */
  unchecked: readonly string[]
  /** row counts of a sound database; empty otherwise */
  rows: readonly TableSize[]
}>

/** How many findings are reported; SQLite stops there. */
const most = 3

/**
 * Checks a whole database for damage and counts its rows. Leaves no trace (see `readOnly`).
 * @throws SQLite's errors, except those that mean damage: these are findings
 */
export const checkFile = async (path: string, check: Check): Promise<FileCheck> => {
  if (hasBadHeader(path)) return damaged('its first bytes are not those of a SQLite database')
  const outcome = await attemptAsync(() => readOnly(path, async connection => inspectOpen(path, connection, check)))
  if ('value' in outcome) return outcome.value
  const said = sqliteError(outcome.error)
  if (said === undefined || !/^SQLITE_(?:NOTADB|CORRUPT|ERROR)/.test(said.code)) throw outcome.error
  return damaged(said.message)
}

const damaged = (finding: string): FileCheck => ({ findings: [finding], unchecked: [], rows: [] })

/** In one transaction: otherwise a writer could change the file's size between two queries. */
const inspectOpen = (path: string, connection: Connection, check: Check): FileCheck =>
  connection.transaction(() => {
    const checked = checkAll(connection, check)
    const findings = [...wrongSize(path, connection), ...checked.findings, ...wrongMarks(connection)]
    return {
      findings: findings.slice(0, most),
      unchecked: checked.unchecked,
      rows: findings.length === 0 ? countTables(connection) : [],
    }
  })()

type Checked = Pick<FileCheck, 'findings' | 'unchecked'>

/** One table that only the hub can read stops the whole check: then each table is checked by itself, as far as possible. */
const checkAll = (connection: Connection, check: Check): Checked => {
  const whole = unlessUnreadable(() => runCheck(connection, check, String(most)))
  if ('value' in whole) return whole.value
  const tables = readObjects(connection)
    .filter(({ type }) => type === 'table')
    .map(({ name }) => checkTable(connection, check, name))
  return {
    findings: tables.flatMap(({ findings }) => findings),
    unchecked: tables.flatMap(({ unchecked }) => unchecked),
  }
}

/** `quick_check` reads no index, so it may work where an index uses a function of the hub. */
const checkTable = (connection: Connection, check: Check, name: string): Checked => {
  const close = unlessUnreadable(() => runCheck(connection, check, quote(name)))
  if ('value' in close) return close.value
  const quick =
    check === 'quick_check' ? close : unlessUnreadable(() => runCheck(connection, 'quick_check', quote(name)))
  const { findings, unchecked } = 'value' in quick ? quick.value : { findings: [], unchecked: [] }
  const what = 'value' in quick ? `the indexes of table ${name}` : `table ${name}`
  return { findings, unchecked: [...unchecked, `${what}: ${close.reason}`] }
}

/** The result of `read`, or SQLite's reason where that is no sign of damage. @throws all other errors */
const unlessUnreadable = <T>(read: () => T): Readonly<{ value: T } | { reason: string }> => {
  const outcome = attempt(read)
  if ('value' in outcome) return outcome
  const said = sqliteError(outcome.error)
  if (said === undefined || !isLogicError(outcome.error)) throw outcome.error
  return { reason: said.message }
}

/** A full-text index whose content table is gone, or whose tokenizer is not loaded here. */
const isUncheckable = /^unable to validate the inverted index\b.*\b(?:SQL logic error|no such|unknown)\b/

const runCheck = (connection: Connection, check: Check, of: string): Checked => {
  const checked = connection.prepare<[], string>(`PRAGMA ${check}(${of})`).pluck().all()
  if (checked.length === 1 && checked[0] === 'ok') return { findings: [], unchecked: [] }
  const lines = checked.map(text => text.replaceAll('\n', ' '))
  return {
    findings: lines.filter(line => !isUncheckable.test(line)),
    unchecked: lines.filter(line => isUncheckable.test(line)),
  }
}

/** integrity_check cannot vouch for sqlite_sequence, which has no index. Checks its names; its values may have any type. */
const wrongMarks = (connection: Connection): readonly string[] => {
  const ofSchema = connection.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'").pluck()
  if (ofSchema.get() === 0) return []
  const wrong = connection.prepare("SELECT count(*) FROM sqlite_sequence WHERE typeof(name) <> 'text'").pluck().get()
  return wrong === 0 ? [] : [`${wrong} rows of sqlite_sequence are of no table`]
}

/**
 * Checks a whole database for damage in a helper process.
 * @throws Failure DATABASE_DAMAGED with the first findings; SQLite's own errors
 */
export const requireSound = async (path: string, check: Check, helper: Helper): Promise<void> =>
  refuseDamage(path, await checkFileByHelper(path, check, helper))

/** `checkFile` in a helper process; also reports its progress and what cannot be checked. */
export const checkFileByHelper = async (path: string, check: Check, helper: Helper): Promise<FileCheck> => {
  const { size } = statSync(path)
  const inspected = (await runHelper(helper, ['inspect', path, check], read =>
    helper.onProgress('checking', Math.min(read, size), size),
  )) as FileCheck
  if (inspected.unchecked.length > 0) helper.onUnchecked(path, inspected.unchecked)
  return inspected
}

/** @throws Failure DATABASE_DAMAGED if there are findings */
export const refuseDamage = (path: string, { findings }: FileCheck): void => {
  if (findings.length === 0) return
  throw new Failure('DATABASE_DAMAGED', `${path} is damaged: ${findings.join('; ')}`, leftAsItIs)
}

/** The row count of each table, sorted by name; skips tables that cannot be counted here. */
export const countTables = (connection: Connection): readonly TableSize[] =>
  tableNames(connection).flatMap(name => countRows(connection, name).map(rows => ({ name, rows })))

/**
 * The row count of a table; empty if it cannot be counted here: a virtual table whose module or content only the hub has, or a
 * name that is not UTF-8.
 * @throws SQLite's other errors, including those for damage
 */
export const countRows = (connection: Connection, table: string): readonly number[] => {
  const count = (how: string): readonly number[] =>
    unlessUnknownHere(() =>
      connection
        .prepare<[], number>(`SELECT count(*) FROM main.${quote(table)} ${how}`)
        .pluck()
        .all(),
    ).flat()
  const rows = count('')
  // SQLite counts the entries of the smallest index, whose collation only the hub may have
  return rows.length > 0 ? rows : count('NOT INDEXED')
}

// This room is about SQLite.
import { noResult, type SqlStatement } from '../engine.ts'
import { attempt, reasonOf } from '../failure.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { type SqliteHook, toHook } from '../sqlite/bridge/session.ts'
import { controlOf } from '../sqlite/bridge/transaction-control.ts'
import type { Connection } from '../sqlite/connect.ts'
import { isOfNamedChange } from '../sqlite/editor/calls.ts'
import { tableAccess } from '../sqlite/rows/table-access.ts'
import { readAppSchema, type Schema } from '../sqlite/schema/read.ts'
import { changesRows, keywordOf, tokensOf } from '../sqlite/sql.ts'
import type { Place } from '../where.ts'
import { presentPlace } from './places.ts'

/** A statement that a migration ran or failed to run. */
export type Step = Readonly<{
  /** as the migration wrote it, with parameters */
  asked: string
  /** as it ran, with values in place of parameters, so it can be run again */
  sql: string
  /** rows it wrote */
  rows: number
  milliseconds: number
  /** why it failed; null if it did not */
  error: string | null
  touched: TableAccess
  before: Schema
  after: Schema
  /** where the migration runs it; undefined if that cannot be told */
  place: Place | undefined
  /** it is of a call that names all that it changes, such as changeColumn */
  isNamedChange: boolean
}>

/** What a migration did so far. Statements that only read are left out, unless they failed. */
export type Recording = Readonly<{ before: Schema; steps: readonly Step[] }>

/** The schema a migration left. */
export const afterOf = ({ before, steps }: Recording): Schema => steps.at(-1)?.after ?? before

/** The statements that had an effect: not those that failed, nor those the migration rolled back to a savepoint. */
export const withoutUndone = (steps: readonly Step[]): readonly Step[] => {
  const kept: Step[] = []
  for (const step of steps.filter(({ error }) => error === null)) {
    const control = controlOf(step.sql)
    if (control?.does !== 'roll back to') kept.push(step)
    else kept.splice(kept.findLastIndex(({ sql }) => begins(sql, control.name)) + 1)
  }
  return kept
}

/** The last statement before which `isSo` was false and after which it is true. */
export const stepThat = (steps: readonly Step[], isSo: (structure: Schema) => boolean): Step | undefined =>
  steps.findLast(({ before, after }) => before !== after && !isSo(before) && isSo(after))

const begins = (sql: string, savepoint: string): boolean => {
  const control = controlOf(sql)
  return control?.does === 'save' && control.name === savepoint
}

/**
 * Records the statements that run through a connection's bridge, and the schema before and after each.
 * @param forgives whether a migration continues after this statement failed, as if it had done nothing
 */
export const createRecorder = (connection: Connection, forgives: (asked: SqlStatement) => boolean) => {
  let steps: Step[] = []
  let migration: MigrationFile | undefined
  const versionNow = (): unknown => connection.pragma('schema_version', { simple: true })
  let known = { version: versionNow(), structure: readAppSchema(connection) }

  /** Read again only if PRAGMA schema_version has changed. */
  const structureNow = (): Schema => {
    const version = versionNow()
    if (version !== known.version) known = { version, structure: readAppSchema(connection) }
    return known.structure
  }

  const around: SqliteHook = (asked, execute) => {
    const before = structureNow()
    const inlined = inlineValues(connection, asked)
    const rows = rowAccess(connection, inlined)
    const start = performance.now()
    const outcome = attempt(execute)
    const milliseconds = performance.now() - start
    if ('value' in outcome && outcome.value.reads) return outcome.value
    const place = migration && presentPlace(migration, asked.sql)
    const isNamedChange = isOfNamedChange()
    const common = {
      asked: asked.sql,
      milliseconds,
      touched: rows,
      before,
      after: structureNow(),
      place,
      isNamedChange,
    }
    if ('value' in outcome) {
      const { sql, changes } = outcome.value
      // others report the previous statement's changes, or a PRAGMA its answer: https://www.sqlite.org/c3ref/changes.html
      const written = changesRows.test(keywordOf(sql)) ? changes : 0
      steps.push({ ...common, sql: sql === asked.sql ? inlined : sql, rows: written, error: null })
      return outcome.value
    }
    steps.push({ ...common, sql: inlined, rows: 0, error: reasonOf(outcome.error) })
    if (forgives(asked)) return noResult
    throw outcome.error
  }

  /**
   * Starts a new recording, which grows with each statement.
   * @param of the migration in which statements have their places
   */
  const record = (of?: MigrationFile): Recording => {
    migration = of
    steps = []
    return { before: structureNow(), steps }
  }

  return { around: toHook(around), record }
}

/** Tables whose rows a statement reads and writes; temporary ones are called `temp.NAME`. */
export type TableAccess = Readonly<{ reads: readonly string[]; writes: readonly string[] }>

/** The statements that can copy or change rows. */
const movesRows = /^(?:INSERT|REPLACE|UPDATE|WITH|CREATE)$/

/** The tables whose rows a statement without parameters reads and writes. Runs nothing. */
export const rowAccess = (connection: Connection, sql: string): TableAccess => {
  if (!movesRows.test(keywordOf(sql))) return { reads: [], writes: [] }
  const { reads, writes } = tableAccess(connection, { sql, bound: [] })
  return { reads, writes }
}

/**
 * Replaces a statement's parameters (`$name` and `?`) by their values, as SQLite quotes them, so it does the same when run again.
 * A value SQLite cannot store stays a parameter. (SQLite's own trace, better-sqlite3's `verbose`, cuts values after 32 bytes.)
 */
export const inlineValues = (connection: Connection, { sql, bound }: SqlStatement): string => {
  const values = new Map<string, unknown>(Object.entries(bound))
  const parameters = tokensOf(sql).filter(({ text }) => /^(?:\$\w|\?$)/.test(text))
  // last one first, so that the positions of the others stay valid
  return parameters.reduceRight((text, parameter, index) => {
    const name = parameter.text === '?' ? String(index) : parameter.text.slice(1)
    const literal = attempt(() => toLiteral(connection, values.get(name)))
    if (!values.has(name) || 'error' in literal) return text
    return text.slice(0, parameter.start) + literal.value + text.slice(parameter.end)
  }, sql)
}

const toLiteral = (connection: Connection, value: unknown): string => {
  const quote = (what: unknown) => String(connection.prepare('SELECT quote(?)').pluck().get(what))
  // a text literal ends at its first NUL
  if (typeof value === 'string' && value.includes('\0')) return `CAST(${quote(Buffer.from(value))} AS TEXT)`
  return quote(value)
}

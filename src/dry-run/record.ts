// This room is about SQLite.
import { noResult, type SqlStatement, type StatementHook } from '../engine.ts'
import { attempt, reasonOf } from '../failure.ts'
import type { Connection } from '../sqlite/connect.ts'
import { tableAccess } from '../sqlite/rows/table-access.ts'
import { readAppSchema, type Schema } from '../sqlite/schema/read.ts'
import { keywordOf, tokensOf } from '../sqlite/sql.ts'

/** A statement that a migration ran, or failed to run. */
export type Step = Readonly<{
  /** as it was asked for, with parameters */
  asked: string
  /** as it was run, with values: it does the same again */
  sql: string
  /** rows that it wrote */
  rows: number
  milliseconds: number
  /** why it failed; null where it did not */
  error: string | null
  touched: TableAccess
  before: Schema
  after: Schema
}>

/** What a migration did, up to now. Statements that only read are left out, unless they failed. */
export type Recording = Readonly<{ before: Schema; steps: readonly Step[] }>

/** The structure that a migration left. */
export const afterOf = ({ before, steps }: Recording): Schema => steps.at(-1)?.after ?? before

/** The statements that had an effect: without those that failed, and those that the migration itself rolled back. */
export const withoutUndone = (steps: readonly Step[]): readonly Step[] => {
  const kept: Step[] = []
  for (const step of steps.filter(({ error }) => error === null)) {
    const undone = /^ROLLBACK\b.*?\bTO\s+(?:SAVEPOINT\s+)?(\w+)/i.exec(step.sql)?.[1]
    if (undone === undefined) kept.push(step)
    else kept.splice(kept.findLastIndex(({ sql }) => savepointOf(sql) === undone) + 1)
  }
  return kept
}

/** The last statement that made something so which was not so before it. */
export const stepThat = (steps: readonly Step[], isSo: (structure: Schema) => boolean): Step | undefined =>
  steps.findLast(({ before, after }) => before !== after && !isSo(before) && isSo(after))

const savepointOf = (sql: string): string | undefined => /^SAVEPOINT\s+(\w+)/i.exec(sql)?.[1]

/** Of others SQLite gives the number of the statement before, or a PRAGMA its answer: https://www.sqlite.org/c3ref/changes.html */
const writesRows = /^(?:INSERT|REPLACE|UPDATE|DELETE|WITH)$/

/**
 * Records what runs through the bridge of a connection, and what each statement does to the structure.
 * @param forgives whether a migration goes on after this statement failed, as if it had done nothing
 */
export const createRecorder = (connection: Connection, forgives: (asked: SqlStatement) => boolean) => {
  let steps: Step[] = []
  const versionNow = (): unknown => connection.pragma('schema_version', { simple: true })
  let known = { version: versionNow(), structure: readAppSchema(connection) }

  /** Read anew only where SQLite's own counter of changes says so. */
  const structureNow = (): Schema => {
    const version = versionNow()
    if (version !== known.version) known = { version, structure: readAppSchema(connection) }
    return known.structure
  }

  const around: StatementHook = (asked, execute) => {
    const before = structureNow()
    const inlined = inlineValues(connection, asked)
    const rows = rowAccess(connection, inlined)
    const start = performance.now()
    const outcome = attempt(execute)
    const milliseconds = performance.now() - start
    if ('value' in outcome && outcome.value.reads) return outcome.value
    const common = { asked: asked.sql, milliseconds, touched: rows, before, after: structureNow() }
    if ('value' in outcome) {
      const { sql, changes } = outcome.value
      const written = writesRows.test(keywordOf(sql)) ? changes : 0
      steps.push({ ...common, sql: sql === asked.sql ? inlined : sql, rows: written, error: null })
      return outcome.value
    }
    steps.push({ ...common, sql: inlined, rows: 0, error: reasonOf(outcome.error) })
    if (forgives(asked)) return noResult
    throw outcome.error
  }

  /** Begins the next recording, which grows with each statement. */
  const record = (): Recording => {
    steps = []
    return { before: structureNow(), steps }
  }

  return { around, record }
}

/** Tables that a statement reads and writes rows of; temporary ones are called `temp.NAME`. */
export type TableAccess = Readonly<{ reads: readonly string[]; writes: readonly string[] }>

/** What of them can have rows copied into it or changed. */
const movesRows = /^(?:INSERT|REPLACE|UPDATE|WITH|CREATE)$/

/** What a statement without parameters does with the rows of tables; nothing is run. */
export const rowAccess = (connection: Connection, sql: string): TableAccess => {
  if (!movesRows.test(keywordOf(sql))) return { reads: [], writes: [] }
  const { reads, writes } = tableAccess(connection, { sql, bound: [] })
  return { reads, writes }
}

/**
 * A statement with its values in the places of its parameters (`$name` and `?`), as SQLite itself writes them: run as it
 * is, it does what it did with them. A value that SQLite cannot have stays a parameter. (SQLite's own trace, better-sqlite3's
 * `verbose`, cuts values after 32 bytes.)
 */
export const inlineValues = (connection: Connection, { sql, bound }: SqlStatement): string => {
  const values = new Map<string, unknown>(Object.entries(bound))
  const parameters = tokensOf(sql).filter(({ text }) => /^(?:\$\w|\?$)/.test(text))
  // the last one first, so that the places of the others stay true
  return parameters.reduceRight((text, parameter, index) => {
    const name = parameter.text === '?' ? String(index) : parameter.text.slice(1)
    const literal = attempt(() => toLiteral(connection, values.get(name)))
    if (!values.has(name) || 'error' in literal) return text
    return text.slice(0, parameter.start) + literal.value + text.slice(parameter.end)
  }, sql)
}

const toLiteral = (connection: Connection, value: unknown): string => {
  const quote = (what: unknown) => String(connection.prepare('SELECT quote(?)').pluck().get(what))
  // a literal of text ends at its first NUL
  if (typeof value === 'string' && value.includes('\0')) return `CAST(${quote(Buffer.from(value))} AS TEXT)`
  return quote(value)
}

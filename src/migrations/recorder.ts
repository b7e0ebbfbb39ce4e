import { attempt } from '../attempt.ts'
import { type Around, type Asked, nothing } from '../database/around.ts'
import { keywordOf } from '../database/bridge.ts'
import type { Connection } from '../database/open.ts'
import type { Structure } from '../database/structure.ts'
import { readHubStructure } from './hub-structure.ts'
import { inlineValues } from './inline-values.ts'
import { reasonOf } from './reason.ts'
import { type Touched, touched } from './touched.ts'

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
  touched: Touched
  before: Structure
  after: Structure
}>

/** What a migration did, up to now. Statements that only read are left out, unless they failed. */
export type Recording = Readonly<{ before: Structure; steps: readonly Step[] }>

/** The structure that a migration left. */
export const afterOf = ({ before, steps }: Recording): Structure => steps.at(-1)?.after ?? before

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
export const stepThat = (steps: readonly Step[], isSo: (structure: Structure) => boolean): Step | undefined =>
  steps.findLast(({ before, after }) => before !== after && !isSo(before) && isSo(after))

const savepointOf = (sql: string): string | undefined => /^SAVEPOINT\s+(\w+)/i.exec(sql)?.[1]

/** Of others SQLite gives the number of the statement before, or a PRAGMA its answer: https://www.sqlite.org/c3ref/changes.html */
const writesRows = /^(?:INSERT|REPLACE|UPDATE|DELETE|WITH)$/

/**
 * Records what runs through the bridge of a connection, and what each statement does to the structure.
 * @param forgives whether a migration goes on after this statement failed, as if it had done nothing
 */
export const createRecorder = (connection: Connection, forgives: (asked: Asked) => boolean) => {
  let steps: Step[] = []
  const versionNow = (): unknown => connection.pragma('schema_version', { simple: true })
  let known = { version: versionNow(), structure: readHubStructure(connection) }

  /** Read anew only where SQLite's own counter of changes says so. */
  const structureNow = (): Structure => {
    const version = versionNow()
    if (version !== known.version) known = { version, structure: readHubStructure(connection) }
    return known.structure
  }

  const around: Around = (asked, execute) => {
    const before = structureNow()
    const inlined = inlineValues(connection, asked)
    const rows = touched(connection, inlined)
    const start = performance.now()
    const outcome = attempt(execute)
    const milliseconds = performance.now() - start
    if ('value' in outcome && outcome.value.reads) return outcome.value
    const common = { asked: asked.sql, milliseconds, touched: rows, before, after: structureNow() }
    if ('value' in outcome) {
      const { sql, changes, rows } = outcome.value
      const written = writesRows.test(keywordOf(sql)) ? changes + rows.length : 0
      steps.push({ ...common, sql: sql === asked.sql ? inlined : sql, rows: written, error: null })
      return outcome.value
    }
    steps.push({ ...common, sql: inlined, rows: 0, error: reasonOf(outcome.error) })
    if (forgives(asked)) return nothing
    throw outcome.error
  }

  /** Begins the next recording, which grows with each statement. */
  const record = (): Recording => {
    steps = []
    return { before: structureNow(), steps }
  }

  return { around, record }
}

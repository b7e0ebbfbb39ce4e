import { type Difference, differences } from '../migrations/differences.ts'
import type { Fate } from '../migrations/fates.ts'
import { type Finding, place } from '../migrations/lint/finding.ts'
import { inspect } from '../migrations/lint/inspect.ts'
import { judge } from '../migrations/lint/lint-ok.ts'
import { type Reported, report } from '../migrations/lint/report.ts'
import { findStatements } from '../migrations/lint/statements.ts'
import { type Lost, lostValues } from '../migrations/lost-values.ts'
import { afterOf } from '../migrations/recorder.ts'
import type { Trial } from './trials.ts'

/** What `plan` says of a migration; a part of its JSON. */
export type Planned = Readonly<{
  name: string
  statements: readonly PlannedStatement[]
  structure: readonly Difference[]
  /** rows of each table; null where it is not there, and after a migration that never settled */
  tables: readonly Readonly<{ name: string; before: number | null; after: number | null }>[]
  /** columns that have fewer values (not NULL) than before, other than with rows that went; nothing of one that failed */
  lost: readonly Lost[]
  /** null for a migration that never settled */
  milliseconds: number | null
  /** by which the database grows; null for a migration that never settled */
  bytes: number | null
  findings: readonly Reported[]
}>

export type PlannedStatement = Readonly<{
  /** as it was asked for, with parameters */
  asked: string
  /** as it was run, with values */
  sql: string
  /** that it wrote */
  rows: number
  milliseconds: number
  /** why it failed; null where it did not */
  error: string | null
}>

/**
 * @param outside what it was seen to reach for besides the database
 * @param text of its file, which may silence findings
 */
export const toPlanned = (trial: Trial, outside: readonly Finding[], text: string): Planned => {
  const { migration, recording, before, end } = trial
  // of one that failed half way only its statements are judged
  const found = end?.returned === true ? inspect(recording) : findStatements(recording.steps)
  const { open } = judge([...outside.map(place(null)), ...found.map(place('up'))], text)
  const rowsIn = (tables: Trial['before'], name: string | undefined) =>
    tables.find(table => table.name === name)?.rows ?? null
  const after = end?.after ?? []
  const goneFrom = ({ old, now }: Fate) => Number(rowsIn(before, old.name)) - Number(rowsIn(after, now?.name))
  const names = new Set([...before, ...after].map(({ name }) => name))
  return {
    name: migration.name,
    statements: recording.steps.map(({ asked, sql, rows, milliseconds, error }) => ({
      asked,
      sql,
      rows,
      milliseconds: Math.round(milliseconds * 1000) / 1000,
      error,
    })),
    structure: differences(recording.before, afterOf(recording)),
    tables: [...names].map(name => ({ name, before: rowsIn(before, name), after: rowsIn(after, name) })),
    lost: end?.returned === true ? lostValues(recording, trial.valuesBefore, end.valuesAfter, goneFrom) : [],
    milliseconds: end === undefined ? null : Math.round(end.milliseconds),
    bytes: end?.bytes ?? null,
    findings: open.map(report),
  }
}

// This room is about SQLite.
import type { Lineage } from '../dry-run/lineage.ts'
import type { Step } from '../dry-run/record.ts'
import { type Column, type Schema, tableNamed } from '../sqlite/schema/read.ts'
import { hasName, isSameSql, keywordOf, sameName, tokensOf, unquote } from '../sqlite/sql.ts'
import { type Change, changeOf } from './statements.ts'

/** The cures of DS102, DS103 and MF101: what a migration did before, so that nothing is lost or fails by the rest of it. */

/** Whether all values of a column were copied to where they still are in the end, by a statement before it was dropped. */
export const isCopied = (
  lineage: Lineage,
  column: Column,
  drop: Step,
  steps: readonly Step[],
  after: Schema,
): boolean => {
  const names = [column.name, ...droppedBy(drop)]
  const before = steps.slice(0, steps.indexOf(drop))
  return before.some(step => names.some(name => copies(step, lineage, name, after)))
}

/** The column that ALTER TABLE ... DROP COLUMN took away, by the name that it had then; none for a dropped table. */
const droppedBy = ({ before, after }: Step): readonly string[] =>
  before.tables.flatMap(({ name, columns }) => {
    const now = tableNamed(after, name)?.columns ?? columns
    return columns.filter(column => !now.some(other => sameName(other.name, column.name))).map(column => column.name)
  })

/** Whether a statement copies a column of every row, or of all where it is not NULL. */
const copies = (step: Step, lineage: Lineage, column: string, after: Schema): boolean => {
  const { old, now, copies: ofRebuild } = lineage
  const reads = hasName(step.touched.reads, old.name)
  const change = changeOf(step.asked)
  if (change === undefined) return reads && selectsInto(step, column, after)
  // a rebuild fills a table that is renamed afterwards
  const target = ofRebuild.includes(step) ? now : tableNamed(after, change.table)
  if (target === undefined || !coversAll(change, column)) return false
  if (change.verb === 'INSERT') return reads && change.selects.some(selected => selects(selected, column))
  const isKept = (name: string) => target.columns.some(other => sameName(other.name, name)) && !sameName(name, column)
  return (
    change.verb === 'UPDATE' &&
    (reads || sameName(change.table, old.name)) &&
    change.sets.some(set => isKept(set.column) && mentionsAll(set.expression, [column]))
  )
}

/** CREATE TABLE ... AS SELECT, without a condition, of a table that stays. */
const selectsInto = ({ before, sql }: Step, column: string, after: Schema): boolean => {
  const selected = /^(?!.*\b(?:WHERE|LIMIT|HAVING)\b).*?\bSELECT\b(?<list>.*?)\bFROM\b/is.exec(sql)?.groups?.list
  const stays = after.tables.some(({ name }) => tableNamed(before, name) === undefined && mentionsAll(sql, [name]))
  return keywordOf(sql) === 'CREATE' && stays && selected?.split(',').some(part => selects(part, column)) === true
}

const selects = (selected: string, column: string): boolean =>
  mentionsAll(selected, [column]) || /(?:^|\.)\s*\*$/.test(selected.trim())

/** Whether a statement is of all rows, or of all with a value; the batches of a backfill together are of all. */
const coversAll = ({ where, picks }: Change, column: string): boolean => {
  const conditions = where
    .replace(/\S+ BETWEEN \$first AND \$last/i, '')
    .split(/\bAND\b/i)
    .map(condition => condition.trim().replace(/^[^.]*\./, ''))
  return (
    (where !== '' || !picks) &&
    conditions.every(condition => condition === '' || isSameSql(condition, `"${column}" IS NOT NULL`))
  )
}

/** Whether rows that are alike in these columns were deleted or changed by a statement before a unique index on them. */
export const isMerged = (
  tables: readonly string[],
  columns: readonly string[],
  index: Step,
  steps: readonly Step[],
): boolean =>
  steps.slice(0, steps.indexOf(index)).some(({ sql }) => {
    const change = changeOf(sql)
    return change !== undefined && hasName(tables, change.table) && merges(change, columns)
  })

/** A DELETE that looks at the columns, or an UPDATE that computes one of them. */
const merges = ({ verb, where, sets }: Change, columns: readonly string[]): boolean => {
  if (verb === 'DELETE') return mentionsAll(where, columns)
  const isComputed = (expression: string) => tokensOf(expression).some(({ kind }) => kind === 'word' || kind === 'name')
  return verb === 'UPDATE' && sets.some(({ column, expression }) => hasName(columns, column) && isComputed(expression))
}

const mentionsAll = (sql: string, columns: readonly string[]): boolean => {
  const names = tokensOf(sql)
    .filter(({ kind }) => kind === 'word' || kind === 'name')
    .map(({ text }) => unquote(text))
  return columns.every(column => hasName(names, column))
}

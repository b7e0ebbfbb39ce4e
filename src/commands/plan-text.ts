import { formatBytes, formatThings } from '../for-people.ts'
import { reportLines } from '../migrations/lint/report.ts'
import { terminated } from '../migrations/plan-sql.ts'
import { textTable } from '../text-table.ts'
import { differenceLines } from './difference-lines.ts'
import type { Plan } from './plan.ts'
import type { Planned, PlannedStatement } from './planned.ts'

/** A plan for people. */
export const planText = ({ database, pending, migrations, bytes, failure }: Plan): string => {
  const untried = pending.slice(migrations.length)
  const lines = [
    `${database}: ${pending.length} pending${migrations.length > 0 ? ', tried on a copy' : ''}`,
    ...migrations.flatMap(migration => ['', ...migrationLines(migration)]),
    ...(untried.length > 0 ? ['', `not tried: ${untried.join(', ')}`] : []),
    ...(failure === null ? [] : ['', `up would fail: ${failure.message} (${failure.code})`]),
    ...(bytes === null ? [] : ['', needs(bytes)]),
  ]
  return `${lines.join('\n')}\n`
}

const needs = ({ growth, journal, backup }: NonNullable<Plan['bytes']>): string => {
  const parts = [`database ${formatBytes(growth)}`, `journal ${formatBytes(journal)}`, `backup ${formatBytes(backup)}`]
  return `up will need ${formatBytes(Math.max(0, growth) + journal + backup)} on the volume: ${parts.join(', ')}`
}

const migrationLines = ({
  name,
  statements,
  structure,
  tables,
  lost,
  findings,
  milliseconds,
  bytes,
}: Planned): string[] => [
  milliseconds === null || bytes === null
    ? `${name}: it did not end`
    : `${name}: ${milliseconds} ms, ${formatBytes(bytes)} more`,
  ...statementLines(statements),
  ...differenceLines(structure),
  ...textTable(
    tables
      .filter(({ before, after }) => milliseconds !== null && before !== after)
      .map(({ name: table, before, after }) => [table, `${rowsText(before)} -> ${rowsText(after)}`]),
  ),
  ...lost.map(({ text }) => `  ${text}`),
  ...reportLines(findings),
]

const rowsText = (rows: number | null): string => (rows === null ? 'none' : formatThings(rows, 'row'))

type Batch = [PlannedStatement, ...PlannedStatement[]]

/** The same again; or the next batch of a backfill, which asks for $first and $last and writes to all between them. */
const isRepeated = (one: PlannedStatement, next: PlannedStatement): boolean =>
  one.sql === next.sql || (one.asked === next.asked && /\$first\b/.test(next.asked) && /\$last\b/.test(next.asked))

/** The batches of a backfill are told as one. */
const statementLines = (statements: readonly PlannedStatement[]): readonly string[] => {
  const batches: Batch[] = []
  for (const statement of statements) {
    const last = batches.at(-1)
    if (last !== undefined && isRepeated(last[0], statement)) last.push(statement)
    else batches.push([statement])
  }
  return batches.flatMap(batchLines)
}

const batchLines = (batch: Batch): readonly string[] => {
  const [{ sql }] = batch
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
  const rows = sum(batch.map(statement => statement.rows))
  const milliseconds = Math.round(sum(batch.map(statement => statement.milliseconds)))
  const facts = [
    ...(batch.length > 1 ? [formatThings(batch.length, 'time')] : []),
    ...(rows > 0 ? [formatThings(rows, 'row')] : []),
    ...(milliseconds > 0 ? [`${milliseconds} ms`] : []),
    ...batch.flatMap(({ error }) => (error === null ? [] : [`failed: ${error.replaceAll('\n', ' ')}`])),
  ]
  const comment = facts.length > 0 ? `  -- ${facts.join(', ')}` : ''
  return `${terminated(sql)}${comment}`.split('\n').map(line => `  ${line}`)
}

import type { Context } from '../context.ts'
import { findDifferences, schemaOfMigrations, schemaOfModels } from '../diff/schemas.ts'
import { Failure, type FailureCode, printable } from '../failure.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { dialectOf } from '../on-server/history.ts'
import type { Finding } from '../sqlite/schema/compare.ts'
import { formatThings, listed, textTable } from '../text.ts'
import { type Check, type CheckResults, checks, type Problem, runChecks } from '../verify/examine.ts'
import { requireFolder } from '../volume/volume.ts'

/** What `verify --json` prints, documented in docs/commands/verify.md. Fields are added, never changed. */
export type Verification = Readonly<{
  database: string
  /** the last applied migration, whose schema was compared; null if none is applied, or the database cannot be read */
  schema: string | null
  /** of the worst difference; null if there is none */
  code: FailureCode | null
  checks: readonly Readonly<{ check: Check; result: 'passed' | 'failed' | 'not made' }>[]
  findings: readonly Problem[]
}>

/** Worst first. */
const codes: readonly FailureCode[] = [
  'DATABASE_DAMAGED',
  'HISTORY_CONFLICT',
  'DATABASE_AHEAD',
  'OUT_OF_ORDER',
  'SCHEMA_DRIFT',
  'PRIVILEGE_MISSING',
  'NOT_READY',
]

/**
 * Checks the volume: no damage, no orphaned rows, a history that matches the files, the schema the applied migrations make, and a
 * true ready marker; on a server history and schema, indexes and constraints that are not valid, and owners. Reads only and leaves no trace. Prints all findings, then throws the worst; pending migrations do not count.
 * @throws Failure DATABASE_DAMAGED, HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER, SCHEMA_DRIFT, NOT_READY (no marker, or one
 *   that is not true), PRIVILEGE_MISSING (another owner); what runChecks throws; VOLUME_MISSING
 */
export const verify = async (context: Context, { json }: Readonly<{ json: boolean }>): Promise<void> => {
  const { config, engine, print } = context
  const { schema, results, stopped } = await checkDatabase(context)
  const made = checks[engine.server === undefined ? 'file' : 'server']
  const findings = made.flatMap(check => results[check] ?? [])
  const code = codes.find(candidate => findings.some(finding => finding.code === candidate)) ?? null
  const verification = {
    database: config.database,
    schema,
    code,
    checks: made.map(check => ({ check, result: resultOf(results[check]) })),
    findings,
  }
  print(json ? `${JSON.stringify(verification)}\n` : toText(verification))
  if (code === null && stopped !== undefined) throw stopped
  if (code === null) return
  const differences = findings.filter(({ weight }) => weight === 'difference')
  const hints = new Set(differences.filter(finding => finding.code === code).map(({ hint }) => hint))
  const told = listed(differences.map(findingLine), '; ')
  const message = told.startsWith(config.database) ? told : `${config.database}: ${told}`
  throw new Failure(code, message, [...hints].join(' '))
}

/**
 * Compares the models of a hub with the schema that the migrations make. Opens no database, but to try in where DATABASE_URL is a
 * server's. Prints a line for each difference.
 * @throws Failure SCHEMA_DRIFT if they differ; CONFIG_INVALID for what are no models
 */
export const verifyModels = async (context: Context, models: string, json: boolean): Promise<void> => {
  const findings = await modelDifferences(context, models)
  const code = findings.length === 0 ? null : 'SCHEMA_DRIFT'
  const verdict = code === null ? 'as the migrations' : `${code}, ${formatThings(findings.length, 'difference')}`
  context.print(
    json
      ? `${JSON.stringify({ models, code, findings })}\n`
      : `${[`${models}: ${verdict}`, ...findings.map(finding => `  ${printable(findingLine(finding))}`)].join('\n')}\n`,
  )
  if (code === null) return
  const hint = 'Run `migrator diff NAME --models FILE`, which writes the migration, or fix the models.'
  throw new Failure(code, `${models} and the migrations differ: ${listed(findings.map(findingLine), '; ')}`, hint)
}

const modelDifferences = async (context: Context, models: string): Promise<readonly Finding[]> => {
  if (context.engine.server !== undefined) {
    const files = readMigrationFiles(context.config.migrations, 'postgres')
    return (await import('../diff/on-server.ts')).findDifferencesOnServer(context, files, models)
  }
  const present = await schemaOfMigrations(context, true)
  return findDifferences(await schemaOfModels(models, present), present)
}

const checkDatabase = async (context: Context): Promise<CheckResults> => {
  const { config, engine, host } = context
  const known = readMigrationFiles(config.migrations, dialectOf(engine))
  if (config.server === undefined) {
    requireFolder(config.volume, host)
    return runChecks(context, known)
  }
  return (await import('../verify/on-server.ts')).runChecksOnServer(context, known)
}

const resultOf = (findings: CheckResults['results'][Check]): Verification['checks'][number]['result'] => {
  if (findings === undefined) return 'not made'
  return findings.some(({ weight }) => weight === 'difference') ? 'failed' : 'passed'
}

const toText = ({ database, schema, code, checks, findings }: Verification): string => {
  const differences = findings.filter(({ weight }) => weight === 'difference').length
  const verdict = code === null ? 'sound' : `${code}, ${differences} difference${differences === 1 ? '' : 's'}`
  const lines = [
    `${database}${schema === null ? '' : ` at ${printable(schema)}`}: ${verdict}`,
    ...textTable(checks.map(({ check, result }) => [check, result === 'not made' ? 'not checked' : result])),
    ...findingsText(findings),
  ]
  return `${lines.join('\n')}\n`
}

const headings = [
  ['difference', 'differences:'],
  ['tolerated', 'tolerated, because another tool made the database:'],
  ['information', 'for information:'],
] as const

/** Findings for people, grouped by weight: lines of what was expected and what was found. Empty if there are none. */
export const findingsText = (findings: readonly Finding[]): readonly string[] =>
  headings.flatMap(([weight, heading]) => {
    const rows = toRows(findings.filter(finding => finding.weight === weight))
    return rows.length === 0 ? [] : [heading, ...textTable(rows)]
  })

/** A finding as one log line: `column servers.id affinity: expected TEXT, found REAL`. */
export const findingLine = (finding: Finding): string => {
  const compared = comparison(finding)
  return `${finding.object} ${finding.what}${compared === '' ? '' : `: ${compared}`}`
}

/** Type names are only counted: in another tool's database they differ in almost every column. */
const toRows = (findings: readonly Finding[]): readonly (readonly string[])[] => {
  const isTypeName = ({ what }: Finding): boolean => what === 'type name'
  const typeNames = findings.filter(isTypeName).length
  return [
    ...findings.filter(finding => !isTypeName(finding)).map(row => [row.object, row.what, comparison(row)]),
    ...(typeNames === 0
      ? []
      : [[formatThings(typeNames, 'column'), 'type name', 'of the same affinity; --json names them']]),
  ]
}

const comparison = ({ expected, found }: Finding): string =>
  expected === null ? (found ?? '') : `expected ${expected}, found ${found ?? 'nothing'}`

import { Failure, type FailureCode } from '../failure.ts'
import { readMigrations } from '../migrations/known.ts'
import { textTable } from '../text-table.ts'
import { refuseMissingVolume } from '../volume/check-volume.ts'
import type { Context } from './context.ts'
import { type Examination, examine } from './examine.ts'
import { findingLine, findingsText } from './findings-text.ts'
import { type Check, checks, type Judged } from './judge.ts'

/** What `verify --json` prints, documented in docs/commands/verify.md. Fields are added, never changed. */
type Verification = Readonly<{
  database: string
  /** the last applied migration, whose structure was compared; null where none is, or it cannot be read */
  schema: string | null
  /** of the worst difference; null when there is none */
  code: FailureCode | null
  checks: readonly Readonly<{ check: Check; result: 'passed' | 'failed' | 'not made' }>[]
  findings: readonly Judged[]
}>

/** The worst first. */
const codes: readonly FailureCode[] = [
  'DATABASE_DAMAGED',
  'HISTORY_CONFLICT',
  'DATABASE_AHEAD',
  'OUT_OF_ORDER',
  'SCHEMA_DRIFT',
  'NOT_READY',
]

/**
 * Holds a volume against all that it should be: no damage, no rows without their parent, the history as the files, the
 * structure as the applied migrations make it, a true ready marker. Reads only and leaves no trace. All findings are told
 * before the worst of them is thrown; pending migrations are none.
 * @throws Failure DATABASE_DAMAGED, HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER, SCHEMA_DRIFT, NOT_READY (no marker, or one
 *   that is not true); what `examine` throws; VOLUME_MISSING
 */
export const verify = async (context: Context, { json }: Readonly<{ json: boolean }>): Promise<void> => {
  const { config, host, print } = context
  refuseMissingVolume(config.volume, host)
  const { schema, results } = await examine(context, readMigrations(config.migrations))
  const findings = checks.flatMap(check => results[check] ?? [])
  const code = codes.find(candidate => findings.some(finding => finding.code === candidate)) ?? null
  const verification = {
    database: config.database,
    schema,
    code,
    checks: checks.map(check => ({ check, result: resultOf(results[check]) })),
    findings,
  }
  print(json ? `${JSON.stringify(verification)}\n` : toText(verification))
  if (code === null) return
  const differences = findings.filter(({ weight }) => weight === 'difference')
  const hints = new Set(differences.filter(finding => finding.code === code).map(({ hint }) => hint))
  throw new Failure(code, `${config.database}: ${differences.map(findingLine).join('; ')}`, [...hints].join(' '))
}

const resultOf = (findings: Examination['results'][Check]): Verification['checks'][number]['result'] => {
  if (findings === undefined) return 'not made'
  return findings.some(({ weight }) => weight === 'difference') ? 'failed' : 'passed'
}

const toText = ({ database, schema, code, checks, findings }: Verification): string => {
  const differences = findings.filter(({ weight }) => weight === 'difference').length
  const verdict = code === null ? 'sound' : `${code}, ${differences} difference${differences === 1 ? '' : 's'}`
  const lines = [
    `${database}${schema === null ? '' : ` at ${schema}`}: ${verdict}`,
    ...textTable(checks.map(({ check, result }) => [check, result])),
    ...findingsText(findings),
  ]
  return `${lines.join('\n')}\n`
}

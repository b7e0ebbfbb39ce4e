/**
 * Metrics in the text format that node_exporter's textfile collector reads:
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
import type { TableSize } from '../engine.ts'

/** What is not known is left out: a 0 would say something. */
export type Metrics = Readonly<{
  /** of the migrator */
  version: string
  /** the last applied migration */
  schema: string | undefined
  ready: boolean
  pending: number | undefined
  /** of the database and its journal */
  bytes: number | undefined
  tables: readonly TableSize[]
  /** when the newest backup was made: all that are listed were checked. ISO 8601 */
  lastBackup: string | undefined
  /** when the database was last checked for damage. ISO 8601 */
  lastCheck: string | undefined
  /** of a run of `up` */
  run?: Readonly<{ exitCode: number; endedAt: string }> | undefined
}>

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | undefined]

const prefix = 'homelab_migrator_'

/** How every text begins, by which a file is known as one of metrics. */
export const beginning = `# HELP ${prefix}`

export const metricsText = (metrics: Metrics): string => {
  const { version, schema, ready, pending, bytes, tables, lastBackup, lastCheck, run } = metrics
  return [
    family('info', 'The last applied migration, and the version of the migrator.', [
      [{ schema: schema ?? '', version }, 1],
    ]),
    family('ready', 'Whether the ready marker is there and true.', [[{}, ready ? 1 : 0]]),
    family('pending_migrations', 'Migrations of this image that are not applied yet.', [[{}, pending]]),
    family('database_bytes', 'Size of the database and its journal.', [[{}, bytes]]),
    family(
      'table_rows',
      'Rows by table.',
      tables.map(({ name, rows }) => [{ table: name }, rows]),
    ),
    family('last_backup_timestamp_seconds', 'When the newest good backup was made.', [[{}, toSeconds(lastBackup)]]),
    family('last_check_timestamp_seconds', 'When the database was last checked for damage.', [
      [{}, toSeconds(lastCheck)],
    ]),
    family('last_run_exit_code', 'Exit code of the last run of up.', [[{}, run?.exitCode]]),
    family('last_run_timestamp_seconds', 'When the last run of up ended.', [[{}, toSeconds(run?.endedAt)]]),
  ].join('')
}

/** All of them are gauges: each says how it is now. */
const family = (name: string, help: string, samples: readonly Sample[]): string => {
  const known = samples.filter(([, value]) => value !== undefined)
  if (known.length === 0) return ''
  const lines = known.map(([labels, value]) => `${prefix}${name}${labelText(labels)} ${value}\n`)
  return `# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} gauge\n${lines.join('')}`
}

const labelText = (labels: Readonly<Record<string, string>>): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

const toSeconds = (time: string | undefined): number | undefined => {
  const milliseconds = Date.parse(time ?? '')
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000
}

/** The hub that every tool's project makes: the tables of 0001 and 0002, and alerts with a boolean, a number's default and an enum. */
const texts = ['os_distribution', 'os_version', 'kernel_version', 'architecture']
const percents = ['cpu_percent', 'memory_percent']
const megabytes = ['memory_total_mb', 'memory_used_mb']
const disks = ['disk_percent', 'disk_total_gb', 'disk_used_gb']
const traffic = ['network_rx_bytes', 'network_tx_bytes']
const loads = ['load_1m', 'load_5m', 'load_15m']

/** In the order of the tables. */
export const optional = {
  servers: ['display_name', 'ip_address'],
  system: texts,
  integers: [...megabytes, ...traffic, 'uptime_seconds'],
  reals: [...percents, ...disks, ...loads],
}

export const severities = ['info', 'warning', 'critical']
export const index = 'idx_metrics_server_timestamp'

/** One line for each name, as a project lists its columns. */
export const lines = (names: readonly string[], line: (name: string) => string): string => names.map(line).join('\n')

type Spelling = Readonly<{
  text: string
  real: string
  integer: string
  time: string
  now: string
  /** the columns of alerts after its two keys */
  alerts: string
  id: string
  /** how names are quoted */
  quote: (name: string) => string
}>

/** The hub in SQL, for the tools whose migrations are SQL: each user spells it in another way. */
export const hubSql = ({ text, real, integer, time, now, alerts, id, quote: q }: Spelling): string => `
CREATE TABLE ${q('servers')} (
  ${q('id')} ${text} PRIMARY KEY,
  ${q('hostname')} ${text} NOT NULL,
${lines(optional.servers, name => `  ${q(name)} ${text},`)}
  ${q('status')} ${text} DEFAULT 'unknown',
${lines(optional.system, name => `  ${q(name)} ${text},`)}
  ${q('tdp_watts')} ${integer},
  ${q('last_seen')} ${time},
  ${q('created_at')} ${time} DEFAULT ${now},
  ${q('updated_at')} ${time} DEFAULT ${now}
);
CREATE TABLE ${q('metrics')} (
  ${q('id')} ${id},
  ${q('server_id')} ${text} NOT NULL REFERENCES ${q('servers')} (${q('id')}),
  ${q('timestamp')} ${time} NOT NULL,
${lines(optional.reals, name => `  ${q(name)} ${real},`)}
${optional.integers.map(name => `  ${q(name)} ${integer}`).join(',\n')}
);
CREATE INDEX ${q(index)} ON ${q('metrics')} (${q('server_id')}, ${q('timestamp')});
CREATE TABLE ${q('alerts')} (
  ${q('id')} ${id},
  ${q('server_id')} ${text} NOT NULL REFERENCES ${q('servers')} (${q('id')}),
${alerts}
);
`

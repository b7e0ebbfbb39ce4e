import { Server } from 'homelab-migrator/models'
import { QueryTypes, type Sequelize, type Transaction } from 'sequelize'

/** A server as the page shows it; what was never measured is null. */
export type ServerView = Readonly<{
  id: string
  name: string
  status: string | null
  system: string
  address: string | null
  /** when it was last heard of, in milliseconds; null if never */
  heard: number | null
  cpu_percent: number | null
  memory_percent: number | null
  memory_total_mb: number | null
  disk_percent: number | null
  disk_total_gb: number | null
  load_1m: number | null
  uptime_seconds: number | null
  /** averages of ten minutes over the last 24 hours, oldest first; null where nothing was reported */
  cpu: readonly (number | null)[]
  memory: readonly (number | null)[]
}>

/** Text from a file, a Date from a server. */
type Time = string | Date | null
type Bucket = Readonly<{ age: number; cpu: number | null; memory: number | null }>
type Latest = Readonly<Omit<ServerView, 'heard' | 'cpu' | 'memory'> & { last_seen: Time; latest: Time }>

/** How long a point of a graph is: whoever reports nothing for that long leaves a gap, and is no longer online. */
export const bucketSeconds = 600
const buckets = 144

/** What the two engines call otherwise. A bucket is counted back from now, so that the newest one is whole. */
const dialects = {
  sqlite: { asText: 'BINARY', age: `(unixepoch(:now) - unixepoch(timestamp)) / ${bucketSeconds}`, since: ':since' },
  postgres: {
    asText: '"C"',
    age: `CAST(trunc(extract(epoch FROM CAST(:now AS timestamptz) - timestamp) / ${bucketSeconds}) AS int)`,
    since: 'CAST(:since AS timestamptz)',
  },
} as const

type Dialect = (typeof dialects)[keyof typeof dialects]

/** @param within the schema that the tables are in, quoted and with a dot; empty on a file */
const serversIn = ({ asText }: Dialect, within: string): string => `
  SELECT server.id, coalesce(display_name, hostname) AS name, status, last_seen, latest, ip_address AS address,
    concat_ws(' ', os_distribution, os_version, architecture) AS system,
    cpu_percent, memory_percent, memory_total_mb, disk_percent, disk_total_gb, load_1m, uptime_seconds
  FROM (SELECT *, (SELECT max(timestamp) FROM ${within}metrics WHERE server_id = servers.id) AS latest
    FROM ${within}servers) AS server
  LEFT JOIN ${within}metrics ON metrics.id =
    (SELECT id FROM ${within}metrics WHERE server_id = server.id AND timestamp = latest ORDER BY id DESC LIMIT 1)
  ORDER BY coalesce(display_name, hostname) COLLATE ${asText}`
const lastDayIn = ({ age, since }: Dialect, within: string): string => `
  SELECT ${age} AS age, avg(cpu_percent) AS cpu, avg(memory_percent) AS memory
  FROM ${within}metrics WHERE server_id = :id AND timestamp > ${since}
  GROUP BY age`

/**
 * Every server with its last values and its last day, in plain SQL: both queries follow the index of metrics. Servers are asked for one
 * after the other, so that an agent's report waits for one of them, and not for those of a whole page. On a file that is in a transaction,
 * which has a connection of its own and waits for no writer; on a server it would keep one of the few connections of a pooler.
 */
export const readFleet = (sequelize: Sequelize, now: number): Promise<readonly ServerView[]> =>
  sequelize.getDialect() === 'postgres'
    ? readFleetIn(null, sequelize, now)
    : sequelize.transaction(transaction => readFleetIn(transaction, sequelize, now))

const readFleetIn = async (
  transaction: Transaction | null,
  sequelize: Sequelize,
  now: number,
): Promise<readonly ServerView[]> => {
  const options = { type: QueryTypes.SELECT, transaction } as const
  const dialect = dialects[sequelize.getDialect() === 'postgres' ? 'postgres' : 'sqlite']
  const within = schemaOf(Server.getTableName())
  const found = await sequelize.query<Latest>(serversIn(dialect, within), options)
  const day = { now: textOf(now), since: textOf(now - buckets * bucketSeconds * 1000) }
  const views: ServerView[] = []
  for (const { latest, last_seen, ...server } of found) {
    const replacements = { ...day, id: server.id }
    const rows = await sequelize.query<Bucket>(lastDayIn(dialect, within), { ...options, replacements })
    const byAge = new Map(rows.map(({ age, ...averages }) => [age, averages]))
    const averages = Array.from({ length: buckets }, (_, place) => byAge.get(buckets - 1 - place))
    const times = [toNumber(last_seen), toNumber(latest)].filter(time => time !== null)
    views.push({
      ...server,
      heard: times.length === 0 ? null : Math.max(...times),
      cpu: averages.map(bucket => bucket?.cpu ?? null),
      memory: averages.map(bucket => bucket?.memory ?? null),
    })
  }
  return views
}

/** The schema of a table as a prefix of names; empty on a file. */
export const schemaOf = (table: string | Readonly<{ schema: string }>): string =>
  typeof table === 'string' ? '' : `"${table.schema.replaceAll('"', '""')}".`

/** A time as the database has it on a file, which a server takes with its zone. */
const textOf = (time: number): string => `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')}Z`

const toNumber = (time: Time): number | null => {
  if (time === null) return null
  return time instanceof Date ? time.getTime() : Date.parse(`${time.replace(' ', 'T')}Z`)
}

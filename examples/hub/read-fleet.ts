import { Server } from 'homelab-migrator/models'
import { QueryTypes, type Sequelize } from 'sequelize'

/** A server as the page shows it; what was never measured is null. */
export type ServerView = Readonly<{
  id: string
  name: string
  status: string
  system: string
  /** text from a file, a Date from a server */
  last_seen: string | Date | null
  cpu_percent: number | null
  memory_percent: number | null
  disk_percent: number | null
  load_1m: number | null
  uptime_seconds: number | null
  /** averages of ten minutes over its last day, oldest first; null where there is a gap */
  cpu: readonly (number | null)[]
  memory: readonly (number | null)[]
}>

type Bucket = Readonly<{ bucket: number; cpu: number | null; memory: number | null }>
type Latest = Readonly<Omit<ServerView, 'cpu' | 'memory'> & { latest: string | Date | null }>

const bucketSeconds = 600
const buckets = 144

/** What the two engines call otherwise. */
const dialects = {
  sqlite: {
    asText: 'BINARY',
    bucket: `unixepoch(timestamp) / ${bucketSeconds}`,
    dayBefore: `datetime(?, '-${bucketSeconds * buckets} seconds')`,
  },
  postgres: {
    asText: '"C"',
    bucket: `CAST(floor(extract(epoch FROM timestamp) / ${bucketSeconds}) AS bigint)`,
    dayBefore: `CAST(? AS timestamptz) - interval '${bucketSeconds * buckets} seconds'`,
  },
} as const

type Dialect = (typeof dialects)[keyof typeof dialects]

/** @param within the schema that the tables are in, quoted and with a dot; empty on a file */
const serversIn = ({ asText }: Dialect, within: string): string => `
  SELECT server.id, coalesce(display_name, hostname) AS name, status, last_seen, latest,
    concat_ws(' ', os_distribution, os_version, architecture) AS system,
    cpu_percent, memory_percent, disk_percent, load_1m, uptime_seconds
  FROM (SELECT *, (SELECT max(timestamp) FROM ${within}metrics WHERE server_id = servers.id) AS latest
    FROM ${within}servers) AS server
  LEFT JOIN ${within}metrics ON metrics.id =
    (SELECT id FROM ${within}metrics WHERE server_id = server.id AND timestamp = latest ORDER BY id DESC LIMIT 1)
  ORDER BY coalesce(display_name, hostname) COLLATE ${asText}`
const lastDayIn = ({ bucket, dayBefore }: Dialect, within: string): string => `
  SELECT ${bucket} AS bucket, avg(cpu_percent) AS cpu, avg(memory_percent) AS memory
  FROM ${within}metrics WHERE server_id = ? AND timestamp > ${dayBefore}
  GROUP BY bucket ORDER BY bucket`

/** Every server with its last values and its last day, in plain SQL: both queries follow the index of metrics. */
export const readFleet = async (sequelize: Sequelize): Promise<readonly ServerView[]> => {
  const dialect = dialects[sequelize.getDialect() === 'postgres' ? 'postgres' : 'sqlite']
  const table: string | Readonly<{ schema: string }> = Server.getTableName()
  const schema = typeof table === 'string' ? undefined : table.schema
  const within = schema === undefined ? '' : `"${schema.replaceAll('"', '""')}".`
  const [servers, lastDay] = [serversIn(dialect, within), lastDayIn(dialect, within)]
  const found = await sequelize.query<Latest>(servers, { type: QueryTypes.SELECT })
  return Promise.all(
    found.map(async ({ latest, ...server }) => {
      const replacements = [server.id, latest]
      const day = await sequelize.query<Bucket>(lastDay, { type: QueryTypes.SELECT, replacements })
      const byBucket = new Map(day.map(({ bucket, ...averages }) => [bucket, averages]))
      const end = day.at(-1)?.bucket ?? 0
      const lastBuckets = Array.from({ length: buckets }, (_, place) => byBucket.get(end - buckets + 1 + place))
      return {
        ...server,
        cpu: lastBuckets.map(averages => averages?.cpu ?? null),
        memory: lastBuckets.map(averages => averages?.memory ?? null),
      }
    }),
  )
}

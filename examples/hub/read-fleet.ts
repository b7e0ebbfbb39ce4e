import { QueryTypes, type Sequelize } from 'sequelize'

/** A server as the page shows it; what was never measured is null. */
export type ServerView = Readonly<{
  id: string
  name: string
  status: string
  system: string
  last_seen: string | null
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
type Latest = Readonly<Omit<ServerView, 'cpu' | 'memory'> & { latest: string | null }>

const bucketSeconds = 600
const buckets = 144

const servers = `
  SELECT server.id, coalesce(display_name, hostname) AS name, status, last_seen, latest,
    concat_ws(' ', os_distribution, os_version, architecture) AS system,
    cpu_percent, memory_percent, disk_percent, load_1m, uptime_seconds
  FROM (SELECT *, (SELECT max(timestamp) FROM metrics WHERE server_id = servers.id) AS latest FROM servers) AS server
  LEFT JOIN metrics ON metrics.id =
    (SELECT id FROM metrics WHERE server_id = server.id AND timestamp = latest ORDER BY id DESC LIMIT 1)
  ORDER BY name`
const lastDay = `
  SELECT unixepoch(timestamp) / ${bucketSeconds} AS bucket, avg(cpu_percent) AS cpu, avg(memory_percent) AS memory
  FROM metrics WHERE server_id = ? AND timestamp > datetime(?, '-${bucketSeconds * buckets} seconds')
  GROUP BY bucket ORDER BY bucket`

/** Every server with its last values and its last day, in plain SQL: both queries follow the index of metrics. */
export const readFleet = async (sequelize: Sequelize): Promise<readonly ServerView[]> => {
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

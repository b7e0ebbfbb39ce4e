import { Metric, Server } from 'homelab-migrator/models'
import { Op, QueryTypes, type Sequelize } from 'sequelize'
import { schemaOf } from '../read-fleet.ts'
import { columns, isOff, kept, type Machine, metricOf } from './fleet.ts'

/** Minutes that have a metric each; before them, every tenth has. */
const exact = 3 * 1440
/** Rows that are written at once. */
const batch = 5000

const isMadeUp = { [Op.like]: 'demo-%' }

/** @returns how many servers went */
export const remove = async (): Promise<number> => {
  await Metric.destroy({ where: { server_id: isMadeUp } })
  return Server.destroy({ where: { id: isMadeUp } })
}

/** Whether a hub's own servers are here: then nothing is made up beside them. */
export const hasOwnServers = async (): Promise<boolean> =>
  (await Server.count({ where: { id: { [Op.notLike]: 'demo-%' } } })) > 0

/**
 * Brings the fleet up to a minute: what is missing comes in, what is older than 30 days goes.
 * @param onProgress gets the share that is done, from 0 to 1
 * @returns how many metrics came in
 */
export const bringUp = async (
  sequelize: Sequelize,
  fleet: readonly Machine[],
  now: number,
  onProgress: (share: number) => void,
): Promise<number> => {
  const insert = insertInto(sequelize)
  let made = 0
  for (const [seed, machine] of fleet.entries()) {
    const { id } = await serverOf(machine, seed)
    const end = now - (machine.offline ?? machine.silent ?? 0)
    const latest = await Metric.findOne({ where: { server_id: id }, order: [['timestamp', 'DESC']] })
    const from = Math.max(end - kept, latest === null ? 0 : minuteOf(latest.timestamp)) + 1
    const minutes = Array.from({ length: Math.max(0, end - from + 1) }, (_, step) => from + step).filter(
      minute => (minute > end - exact || minute % 10 === 0) && !isOff(machine, minute),
    )
    for (let first = 0; first < minutes.length; first += batch) {
      const rows = minutes.slice(first, first + batch).map(minute => metricOf(machine, seed, minute, now))
      await sequelize.query(insert, { type: QueryTypes.INSERT, bind: { rows: JSON.stringify(rows) } })
    }
    made += minutes.length
    onProgress((seed + 1) / fleet.length)
    await Metric.destroy({ where: { server_id: id, timestamp: { [Op.lte]: timeOf(end - kept) } } })
    const isOn = !isOff(machine, end)
    if (isOn)
      await Server.update({ last_seen: timeOf(end), status: machine.offline ? 'offline' : 'online' }, { where: { id } })
  }
  return made
}

const minuteOf = (time: Date): number => Math.floor(time.getTime() / 60_000)
const timeOf = (minute: number): Date => new Date(minute * 60_000)

const serverOf = async ({ id, system, watts }: Machine, seed: number): Promise<Server> => {
  const [os_distribution, os_version, kernel_version, architecture] = system
  const os = { os_distribution, os_version, kernel_version, architecture }
  const found = await Server.findByPk(`demo-${id}`)
  if (found !== null) return found
  return Server.create({
    ...{ id: `demo-${id}`, hostname: `${id}.lan`, ip_address: `192.0.2.${10 + (seed % 240)}`, tdp_watts: watts },
    ...os,
  })
}

/** All rows of a batch come as one text in JSON, which each engine takes apart in its own way. */
const insertInto = (sequelize: Sequelize): string => {
  const head = `INSERT INTO ${schemaOf(Metric.getTableName())}metrics (${columns.join(', ')})`
  if (sequelize.getDialect() === 'sqlite')
    return `${head} SELECT ${columns.map((_, place) => `value ->> ${place}`).join(', ')} FROM json_each($rows)`
  const values = columns.map((column, place) => `CAST(row ->> ${place}${typeOf(column)})`)
  return `${head} SELECT ${values.join(', ')} FROM json_array_elements(CAST($rows AS json)) AS row`
}

const typeOf = (column: string): string => {
  if (column === 'server_id') return ' AS text'
  if (column === 'timestamp') return " || 'Z' AS timestamptz"
  return /_(?:mb|bytes|seconds)$/.test(column) ? ' AS int8' : ' AS float8'
}

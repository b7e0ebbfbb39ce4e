import type { Op as Operators } from 'sequelize'
import type { Test } from 'tap'
import type { Metric as MetricModel } from '../../src/hub/models.ts'
import type { Connection } from '../../src/sqlite/connect.ts'

const timestamp = new Date('2026-01-18T10:00:00.000Z')

/** What holds for Metric in either Sequelize, on a migrated database. */
export const testMetric = (t: Test, connection: Connection, Metric: typeof MetricModel, Op: typeof Operators): void => {
  t.beforeEach(() =>
    connection.exec(`DELETE FROM metrics; DELETE FROM sqlite_sequence; DELETE FROM servers;
      INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan')`),
  )

  t.test('metrics are stored, and found by server', async t => {
    await Metric.bulkCreate([
      { server_id: 'omv', timestamp, cpu_percent: 12.5, load_1m: 0.4 },
      { server_id: 'omv', timestamp: new Date(timestamp.getTime() + 60_000), cpu_percent: 13 },
    ])
    const metrics = await Metric.findAll({ where: { server_id: 'omv' }, order: ['timestamp'] })
    t.match(metrics, [
      { id: 1, timestamp, cpu_percent: 12.5, load_1m: 0.4, disk_percent: null },
      { id: 2, cpu_percent: 13 },
    ])
  })

  t.test('a range finds what SQL wrote at its very ends, and is stored as SQL would', async t => {
    const later = new Date(timestamp.getTime() + 60_000)
    connection.exec(`INSERT INTO metrics (server_id, timestamp)
      VALUES ('omv', '2026-01-18 10:00:00'), ('omv', '2026-01-18 10:01:00')`)
    await Metric.create({ server_id: 'omv', timestamp: new Date(timestamp.getTime() + 250) })
    const metrics = await Metric.findAll({
      where: { timestamp: { [Op.gte]: timestamp, [Op.lt]: later } },
      order: ['timestamp'],
    })
    t.match(metrics, [{ timestamp }, { timestamp: new Date(timestamp.getTime() + 250) }])
    t.equal(metrics.length, 2)
    t.match(connection.prepare('SELECT timestamp FROM metrics WHERE id = 3').get(), {
      timestamp: '2026-01-18 10:00:00.250',
    })
    t.equal(await Metric.count({ where: { timestamp } }), 1)
  })

  t.test('counters up to 2^63-1 are exact', async t => {
    const network_rx_bytes = '9223372036854775807'
    await Metric.create({ server_id: 'omv', timestamp, network_rx_bytes, network_tx_bytes: 4096 })
    t.equal(connection.prepare('SELECT typeof(network_rx_bytes) FROM metrics').pluck().get(), 'integer')
    const metric = await Metric.findOne({ where: { network_rx_bytes }, rejectOnEmpty: true })
    t.match(metric, { network_rx_bytes, network_tx_bytes: 4096 })
  })

  t.test('metrics of a server that is not there are refused', async t => {
    await t.rejects(Metric.create({ server_id: 'nobody', timestamp }), { name: /ForeignKeyConstraintError/ })
    t.equal(await Metric.count(), 0)
  })

  t.test('a metric needs a time', async t => {
    // @ts-expect-error the types say so too
    await t.rejects(Metric.create({ server_id: 'omv' }), { name: /ValidationError/ })
  })

  t.test('text is no number, and a fraction is no counter', async t => {
    for (const wrong of [{ cpu_percent: 'much' }, { memory_used_mb: 1.5 }, { uptime_seconds: 'long' }]) {
      // @ts-expect-error some of the types say so too
      await t.rejects(Metric.create({ server_id: 'omv', timestamp, ...wrong }), { name: /ValidationError/ })
    }
    t.equal(await Metric.count(), 0)
  })
}

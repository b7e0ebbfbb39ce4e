import { Op } from '@sequelize/core'
import t from 'tap'
import { initModels, Metric, Server, Timestamp } from '../../src/hub/models-v7.ts'
import { connectSequelize } from '../../src/hub/sequelize-v7.ts'
import { testMetric } from '../help/metric-rules.ts'
import { makeMigrated } from '../help/migrated.ts'
import { testServer } from '../help/server-rules.ts'

// Sequelize 7 binds a model once in a process
t.test('models of Sequelize 7', async t => {
  const { connection } = await makeMigrated(t)
  initModels(connectSequelize(connection))

  t.test('a server has its metrics, and a metric its server', async t => {
    await Server.bulkCreate([
      { id: 'a', hostname: 'a.lan' },
      { id: 'b', hostname: 'b.lan' },
    ])
    await Metric.create({ server_id: 'a', timestamp: new Date(), cpu_percent: 5 })
    const [a, b] = await Server.findAll({ include: 'metrics', order: ['id'] })
    t.match(a?.metrics, [{ cpu_percent: 5 }])
    t.strictSame(b?.metrics, [])
    const metric = await Metric.findOne({ include: 'server', rejectOnEmpty: true })
    t.match(metric.server, { hostname: 'a.lan', os_info: { version: null } })
  })

  t.test('Metric', async t => testMetric(t, connection, Metric as never, Op as never))
  t.test('Server', async t => testServer(t, connection, Server as never))

  t.test('os_info is read back when a server is made', async t => {
    const made = await Server.create({ id: 'omv', hostname: 'omv.lan', os_distribution: 'Debian' })
    t.strictSame(made.os_info, { distribution: 'Debian', version: null, kernel: null, architecture: null })
  })
})

t.test('a time is text in UTC, there and back', async t => {
  const type = new Timestamp()
  const time = new Date('2026-01-18T10:00:00.250Z')
  t.equal(type.toBindableValue(time), '2026-01-18 10:00:00.250')
  t.strictSame(type.parseDatabaseValue('2026-01-18 10:00:00.250'), time)
})

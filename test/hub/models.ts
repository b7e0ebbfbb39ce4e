import t from 'tap'
import { createTimestamp, initModels, Metric, Server } from '../../src/hub/models.ts'
import { connectSequelize } from '../../src/sqlite/bridge/sequelize.ts'
import { makeMigrated } from '../help/migrated.ts'

t.test('a server has its metrics, and a metric its server', async t => {
  const { connection } = await makeMigrated(t)
  initModels(connectSequelize(connection))
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

t.test('each column of times gets a type of its own, as Sequelize writes into it', async t => {
  t.not(createTimestamp(), createTimestamp())
})

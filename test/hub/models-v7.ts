import t from 'tap'
import { initModels, Metric, Server, Timestamp } from '../../src/hub/models-v7.ts'
import { connectSequelize } from '../../src/hub/sequelize-v7.ts'
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

t.test('a time is text in UTC, there and back', async t => {
  const type = new Timestamp()
  const time = new Date('2026-01-18T10:00:00.250Z')
  t.equal(type.toBindableValue(time), '2026-01-18 10:00:00.250')
  t.strictSame(type.parseDatabaseValue('2026-01-18 10:00:00.250'), time)
})

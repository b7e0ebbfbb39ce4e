import { Op } from 'sequelize'
import t from 'tap'
import { initMetric, Metric } from '../../src/hub/models.ts'
import { connectSequelize } from '../../src/sqlite/bridge/sequelize.ts'
import { testMetric } from '../help/metric-rules.ts'
import { makeMigrated } from '../help/migrated.ts'

t.test('Metric of Sequelize 6', async t => {
  const { connection } = await makeMigrated(t)
  initMetric(connectSequelize(connection))
  testMetric(t, connection, Metric, Op)
})

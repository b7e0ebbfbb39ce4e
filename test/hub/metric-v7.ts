import { Op } from '@sequelize/core'
import t from 'tap'
import { initMetric, Metric } from '../../src/hub/models-v7.ts'
import { connectSequelize } from '../../src/hub/sequelize-v7.ts'
import { testMetric } from '../help/metric-rules.ts'
import { makeMigrated } from '../help/migrated.ts'

t.test('Metric of Sequelize 7', async t => {
  const { connection } = await makeMigrated(t)
  initMetric(connectSequelize(connection))
  testMetric(t, connection, Metric as never, Op as never)
})

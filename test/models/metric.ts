import { Op } from 'sequelize'
import t from 'tap'
import { connectSequelize } from '../../src/database/sequelize.ts'
import { initMetric, Metric } from '../../src/models/metric.ts'
import { testMetric } from '../help/metric-rules.ts'
import { makeMigrated } from '../help/migrated.ts'

const { connection } = await makeMigrated(t)
initMetric(connectSequelize(connection))
testMetric(t, connection, Metric, Op)

import { Op } from '@sequelize/core'
import t from 'tap'
import { connectSequelize } from '../../../src/database/sequelize-v7.ts'
import { initMetric, Metric } from '../../../src/models/v7/metric.ts'
import { testMetric } from '../../help/metric-rules.ts'
import { makeMigrated } from '../../help/migrated.ts'

const { connection } = await makeMigrated(t)
initMetric(connectSequelize(connection))
testMetric(t, connection, Metric as never, Op as never)

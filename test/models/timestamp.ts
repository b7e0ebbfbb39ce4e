import t from 'tap'
import { createTimestamp } from '../../src/models/timestamp.ts'

t.test('each column gets a type of its own, as Sequelize writes into it', async t => {
  t.not(createTimestamp(), createTimestamp())
})

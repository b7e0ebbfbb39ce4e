import t from 'tap'
import { replacedPrefix } from '../../src/database/replaced.ts'

t.test('what a restore replaced is called after the database', async t => {
  t.equal(replacedPrefix('/data/homelab.db'), 'homelab.db.replaced-')
})

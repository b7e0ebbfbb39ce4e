import t from 'tap'
import { finding, place } from '../../../src/migrations/lint/finding.ts'
import { recordStatements } from '../../help/recorded.ts'

t.test('a finding has the statement that shows it, or none, and a place', async t => {
  const { steps } = await recordStatements(t, '', ['CREATE TABLE a (x)'])
  t.strictSame(place('up')(finding('HM001', 'fails', steps[0])), {
    code: 'HM001',
    message: 'fails',
    statement: 'CREATE TABLE a (x)',
    direction: 'up',
  })
  t.match(place(null)(finding('HM001', 'fails', undefined)), { statement: null, direction: null })
})

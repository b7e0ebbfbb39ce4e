import t from 'tap'
import { Timestamp } from '../../../src/models/v7/timestamp.ts'

t.test('a time is text in UTC, there and back', async t => {
  const type = new Timestamp()
  const time = new Date('2026-01-18T10:00:00.250Z')
  t.equal(type.toBindableValue(time), '2026-01-18 10:00:00.250')
  t.strictSame(type.parseDatabaseValue('2026-01-18 10:00:00.250'), time)
})

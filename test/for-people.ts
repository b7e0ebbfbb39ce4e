import t from 'tap'
import { formatBytes, formatCount, formatThings, formatTime } from '../src/for-people.ts'

t.test('large numbers are grouped', async t => {
  t.strictSame([0, 999, 475_200].map(formatCount), ['0', '999', '475,200'])
})

t.test('one thing is told apart from many', async t => {
  t.strictSame(
    [0, 1, 1000].map(count => formatThings(count, 'backup')),
    ['0 backups', '1 backup', '1,000 backups'],
  )
})

t.test('bytes are told in the unit that fits', async t => {
  t.strictSame([0, 999, 1000, 1_250_000, 3e15].map(formatBytes), ['0 B', '999 B', '1.0 kB', '1.3 MB', '3000.0 TB'])
})

t.test('a time is read to the second', async t => {
  t.equal(formatTime('2026-01-18T10:00:00.250Z'), '2026-01-18 10:00:00')
})

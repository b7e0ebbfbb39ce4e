import t from 'tap'
import { toDate, toText } from '../../src/sqlite/bridge/times.ts'

for (const [text, expected] of [
  ['2026-01-18 10:00:00', '2026-01-18T10:00:00.000Z'],
  ['2026-01-18 10:00:00.250', '2026-01-18T10:00:00.250Z'],
  ['2026-01-18 10:00:00.250 +00:00', '2026-01-18T10:00:00.250Z'],
  ['2026-01-18 12:00:00+02:00', '2026-01-18T10:00:00.000Z'],
  ['2026-01-18T10:00:00Z', '2026-01-18T10:00:00.000Z'],
  ['2026-01-18T10:00:00.123456+00:00', '2026-01-18T10:00:00.123Z'],
] as const) {
  t.test(`${text} is a time, in UTC where it names no offset`, async t => {
    t.equal(toDate(text)?.toISOString(), expected)
  })
}

t.test('a Date stays, and what is not set is null', async t => {
  const date = new Date()
  t.equal(toDate(date), date)
  t.equal(toDate(null), null)
  t.equal(toDate(undefined), null)
})

t.test('text that is no time gives an invalid Date, not a wrong one', async t => {
  t.ok(Number.isNaN(toDate('yesterday')?.getTime()))
})

t.test('a time is one text, and what is no time is none', async t => {
  t.equal(toText(new Date('2026-01-18T10:00:00.000Z')), '2026-01-18 10:00:00')
  t.equal(toText(new Date('2026-01-18T10:00:00.250Z')), '2026-01-18 10:00:00.250')
  t.equal(toText('2026-01-18T12:00:00+02:00'), '2026-01-18 10:00:00')
  t.throws(() => toText('yesterday'), RangeError)
  t.throws(() => toText(undefined), RangeError)
})

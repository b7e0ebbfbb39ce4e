import t from 'tap'
import { finding, place } from '../../../src/migrations/lint/finding.ts'
import { report, reportLines } from '../../../src/migrations/lint/report.ts'

const up = (message: string, statement: string | null) =>
  report({ ...place('up')(finding('DS103', message, undefined)), statement })
const whole = report(place(null)(finding('HM902', 'has a comment', undefined)))

t.test('a finding is reported with its level and cure', async t => {
  t.match(whole, { code: 'HM902', level: 'warning', cure: 'Take the comment away.', message: 'has a comment' })
})

t.test('people get the statement, and the cure once for several of a code', async t => {
  t.strictSame(reportLines([up('drops a', '\n  DROP a\n  -- b'), up('drops b', null), whole]), [
    '  error DS103: up drops a',
    '    DROP a',
    '      -- b',
    '  error DS103: up drops b',
    '    Keep the column until nobody needs its values, or copy them first.',
    '  warning HM902: it has a comment',
    '    Take the comment away.',
  ])
})

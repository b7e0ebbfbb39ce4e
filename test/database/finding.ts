import t from 'tap'
import { differ } from '../../src/database/finding.ts'

t.test('two equal texts are no finding', async t => {
  t.strictSame(differ('difference', 'column a.x', 'default', '1', '1'), [])
  t.strictSame(differ('difference', 'column a.x', 'default', null, null), [])
})

t.test('two others are one, and nothing is another than an empty text', async t => {
  for (const [expected, found] of [
    ['1', '2'],
    [null, ''],
  ] as const)
    t.strictSame(differ('tolerated', 'column a.x', 'default', expected, found), [
      { weight: 'tolerated', object: 'column a.x', what: 'default', expected, found },
    ])
})

import t from 'tap'
import { findingLine, findingsText } from '../../src/commands/findings-text.ts'

const finding = { weight: 'difference', object: 'column a.x', what: 'default', expected: '1', found: '2' } as const

t.test('no findings are no text', async t => t.strictSame(findingsText([]), []))

t.test('findings come by their weight, the differences first', async t => {
  t.strictSame(
    findingsText([
      { ...finding, weight: 'information', what: 'extra', expected: null, found: 'INT' },
      { ...finding, weight: 'tolerated', found: null },
      finding,
      { ...finding, object: 'table long', what: 'pending', expected: null, found: null },
    ]),
    [
      'differences:',
      '  column a.x  default  expected 1, found 2',
      '  table long  pending',
      'tolerated, for another tool made it:',
      '  column a.x  default  expected 1, found nothing',
      'for information:',
      '  column a.x  extra  INT',
    ],
  )
})

t.test('names of types are only counted', async t => {
  const name = { ...finding, weight: 'information', what: 'type name' } as const
  t.strictSame(findingsText([name, name]), [
    'for information:',
    '  2 columns  type name  of the same affinity; --json names them',
  ])
})

t.test('a finding is one line of a log', async t => {
  t.equal(findingLine(finding), 'column a.x default: expected 1, found 2')
  t.equal(findingLine({ ...finding, expected: null }), 'column a.x default: 2')
  t.equal(findingLine({ ...finding, what: 'pending', expected: null, found: null }), 'column a.x pending')
})

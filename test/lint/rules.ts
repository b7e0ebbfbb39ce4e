import t from 'tap'
import {
  applySuppressions,
  atlasRules,
  finding,
  isCode,
  ownRules,
  place,
  report,
  reportLines,
} from '../../src/lint/rules.ts'
import { recordStatements } from '../help/recorded.ts'

t.test('what loses data, or fails on every table with rows, is an error; what depends is a warning', async t => {
  const errors = Object.entries(atlasRules).filter(([, { level }]) => level === 'error')
  t.strictSame(
    errors.map(([code]) => code),
    ['DS102', 'DS103', 'MF103'],
  )
})

t.test('a finding has the statement that shows it, or none, and a place', async t => {
  const { steps } = await recordStatements(t, '', ['CREATE TABLE a (x)'])
  t.strictSame(place('up')(finding('HM001', 'fails', steps[0])), {
    code: 'HM001',
    message: 'fails',
    statement: 'CREATE TABLE a (x)',
    direction: 'up',
    place: null,
  })
  t.match(place(null)(finding('HM001', 'fails', undefined)), { statement: null, direction: null })
})

const dropped = place('up')(finding('DS103', 'drops a', undefined))
const renamed = place('down')(finding('BC101', 'renames a', undefined))
const words = (text: string) => {
  const { open, unused } = applySuppressions([dropped, renamed], text)
  return [open, unused].map(found => found.map(({ code, message }) => `${code}: ${message}`))
}

t.test('a comment with code and reason silences that code, wherever it stands', async t => {
  for (const comment of [
    '// lint-ok DS103: never filled',
    'await drop() //lint-ok  DS103 :  never filled  \n',
    '/* lint-ok DS103: never filled */',
    '/** lint-ok DS103: a */ x',
  ])
    t.strictSame(words(comment), [['BC101: renames a'], []])
  t.strictSame(words('// lint-ok DS103: a\n// lint-ok BC101: b'), [[], []])
})

t.test('without a reason or a known code it silences nothing, and is a finding', async t => {
  for (const comment of [
    '// lint-ok DS103',
    '// lint-ok DS103:',
    '// lint-ok: never filled',
    '// lint-ok XX999: why',
    '// lint-ok',
  ])
    t.strictSame(words(comment), [['DS103: drops a', 'BC101: renames a', `HM901: has "${comment}"`], []])
})

t.test('one that silences nothing is told by itself', async t => {
  t.strictSame(words('// lint-ok DS102: gone'), [
    ['DS103: drops a', 'BC101: renames a'],
    ['HM902: has "// lint-ok DS102", which is not found in it'],
  ])
})

t.test('other comments are no concern', async t => {
  t.strictSame(words('// lint-okay DS103: x\n// DS103: lint-ok'), [['DS103: drops a', 'BC101: renames a'], []])
})

t.test('a block without a reason is a finding, too', async t => {
  t.strictSame(words('/* lint-ok DS103: */'), [
    ['DS103: drops a', 'BC101: renames a', 'HM901: has "// lint-ok DS103:"'],
    [],
  ])
})

t.test('our own codes begin with HM, and none is one of Atlas', async t => {
  for (const code of Object.keys(ownRules)) {
    t.match(code, /^HM\d{3}$/)
    t.equal(code in atlasRules, false)
  }
})

const up = (message: string, statement: string | null) =>
  report({ ...place('up')(finding('DS103', message, undefined)), statement })
const whole = report(place(null)(finding('HM902', 'has a comment', undefined)))

t.test('a finding is reported with its level and cure', async t => {
  t.match(whole, { code: 'HM902', level: 'warning', cure: 'Remove the comment.', message: 'has a comment' })
})

t.test('people get the statement, and the cure once for several of a code', async t => {
  t.strictSame(reportLines([up('drops a', '\n  DROP a\n  -- b'), up('drops b', null), whole]), [
    '  error DS103: up drops a',
    '    DROP a',
    '      -- b',
    '  error DS103: up drops b',
    '    Keep the column until nobody needs its values, or copy them first.',
    '  warning HM902: it has a comment',
    '    Remove the comment.',
  ])
})

t.test('a code is one of the table', async t => {
  t.equal(isCode('DS102'), true)
  for (const text of ['DS101', '', 'toString', 'ds102']) t.equal(isCode(text), false)
})

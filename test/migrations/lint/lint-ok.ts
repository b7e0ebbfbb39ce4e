import t from 'tap'
import { finding, place } from '../../../src/migrations/lint/finding.ts'
import { judge } from '../../../src/migrations/lint/lint-ok.ts'

const dropped = place('up')(finding('DS103', 'drops a', undefined))
const renamed = place('down')(finding('BC101', 'renames a', undefined))
const words = (text: string) => {
  const { open, unused } = judge([dropped, renamed], text)
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

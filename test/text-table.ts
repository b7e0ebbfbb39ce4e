import t from 'tap'
import { headedTable, textTable } from '../src/text-table.ts'
import { pipe, terminalOf } from './help/screen.ts'

const { paint } = terminalOf(80)

t.test('columns are aligned, and nothing trails', async t => {
  t.strictSame(textTable([['a', 'bb', ''], ['ccc', 'd', 'e'], ['f']]), ['  a    bb', '  ccc  d   e', '  f'])
  t.strictSame(textTable([['a'], ['b', 'c']]), ['  a', '  b  c'])
  t.strictSame(textTable([]), [])
})

t.test('a name cannot break out of its cell', async t => {
  t.strictSame(textTable([['a\nb', 'c']]), ['  a b  c'])
})

t.test('a cell in colour is as wide as its text', async t => {
  const red = paint('red', 'ab')
  t.strictSame(
    textTable([
      [red, 'x'],
      ['abcd', 'y'],
    ]),
    [`  ${red}    x`, '  abcd  y'],
  )
})

t.test('a heading stands above the rows, in bold where there are colours', async t => {
  t.strictSame(headedTable(pipe, ['name', 'rows'], [['servers', '3']]), ['  name     rows', '  servers  3'])
  t.strictSame(headedTable(terminalOf(80), ['name'], [['a']]), [`  ${paint('bold', 'name')}`, '  a'])
  t.strictSame(headedTable(pipe, ['name', 'rows'], []), ['  name  rows'])
})

t.test('where the screen is too narrow each row has its first cell above the others, and nothing is cut', async t => {
  const rows = [
    ['servers', '3', 'ok'],
    ['metrics', '1,000', ''],
  ]
  const wide = headedTable(terminalOf(20), ['name', 'rows', 'is'], rows)
  t.equal(wide.length, 3, 'a line that just fits')
  t.strictSame(headedTable({ ...pipe, columns: 19 }, ['name', 'rows', 'is'], rows), [
    '  name',
    '    rows   is',
    '  servers',
    '    3      ok',
    '  metrics',
    '    1,000',
  ])
  t.strictSame(headedTable({ ...pipe, columns: 3 }, ['name'], [['servers']]), ['  name', '  servers'])
})

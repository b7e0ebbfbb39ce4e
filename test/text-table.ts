import t from 'tap'
import { formatBytes, textTable } from '../src/text-table.ts'

t.test('columns are aligned, and nothing trails', async t => {
  t.strictSame(textTable([['a', 'bb', ''], ['ccc', 'd', 'e'], ['f']]), ['  a    bb', '  ccc  d   e', '  f'])
  t.strictSame(textTable([['a'], ['b', 'c']]), ['  a', '  b  c'])
  t.strictSame(textTable([]), [])
})

t.test('bytes are told in the unit that fits', async t => {
  t.strictSame([0, 999, 1000, 1_250_000, 3e15].map(formatBytes), ['0 B', '999 B', '1.0 kB', '1.3 MB', '3000.0 TB'])
})

import { join } from 'node:path'
import t from 'tap'
import { sizeOf } from '../src/size-of.ts'

t.test('the bytes of a file, and of none where there is none', async t => {
  const folder = t.testdir({ a: 'bcd', empty: '' })
  t.strictSame(
    ['a', 'empty', 'none'].map(name => sizeOf(join(folder, name))),
    [3, 0, 0],
  )
})

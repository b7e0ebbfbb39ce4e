import t from 'tap'
import { attempt } from '../src/attempt.ts'

t.test('the value, or what was thrown', async t => {
  const error = new Error('x')
  t.strictSame(
    attempt(() => 1),
    { value: 1 },
  )
  t.strictSame(
    attempt(() => {
      throw error
    }),
    { error },
  )
})

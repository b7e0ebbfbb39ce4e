import t from 'tap'
import { errorCode } from '../src/error-code.ts'

t.test('an error with a code gives it, anything else gives none', async t => {
  t.equal(errorCode(Object.assign(new Error('x'), { code: 'ENOENT' })), 'ENOENT')
  t.equal(errorCode(new Error('x')), undefined)
  t.equal(errorCode({ code: 'ENOENT' }), undefined)
})

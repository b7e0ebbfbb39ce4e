import t from 'tap'
import { checkOf, helperOf } from '../../src/commands/helper-of.ts'
import { makeContext } from '../help/context.ts'

t.test('a helper is started by the same words, and stopped by the same signal', async t => {
  const context = await makeContext('/nowhere')
  const helper = helperOf(context)
  t.equal(helper.command, context.command)
  t.equal(helper.signal, context.signal)
  helper.onProgress('checking', 1, 2)
})

t.test('MIGRATOR_CHECK=always reads the indexes too', async t => {
  t.equal(checkOf((await makeContext('/nowhere')).config), 'quick_check')
  t.equal(checkOf((await makeContext('/nowhere', { MIGRATOR_CHECK: 'always' })).config), 'integrity_check')
})

import t from 'tap'
import { whenFree } from '../../src/database/wait.ts'

const busy = Object.assign(new Error('locked'), { code: 'SQLITE_BUSY' })
const never = new AbortController().signal

t.test('what is free is done at once, without a word', async t => {
  const onWait = () => t.fail('it waited')
  t.equal(await whenFree(() => 'done', { lockTimeout: 0, signal: never, onWait }), 'done')
})

t.test('it tries again until the lock is free, and says once that it waits', async t => {
  let [tries, waits] = [0, 0]
  const work = () => {
    tries += 1
    if (tries < 3) throw busy
    return tries
  }
  const onWait = () => {
    waits += 1
  }
  t.equal(await whenFree(work, { lockTimeout: 60, signal: never, onWait }), 3)
  t.equal(waits, 1)
})

t.test('after the timeout the lock is reported busy', async t => {
  const work = () => {
    throw busy
  }
  await t.rejects(whenFree(work, { lockTimeout: 0, signal: never, onWait: () => undefined }), { code: 'SQLITE_BUSY' })
})

t.test('any other error is thrown at once', async t => {
  const work = () => {
    throw new Error('other')
  }
  await t.rejects(whenFree(work, { lockTimeout: 60, signal: never, onWait: () => undefined }), { message: 'other' })
})

t.test('so is one that comes while it waits', async t => {
  let tries = 0
  const work = () => {
    tries += 1
    throw tries === 1 ? busy : new Error('other')
  }
  await t.rejects(whenFree(work, { lockTimeout: 60, signal: never, onWait: () => undefined }), { message: 'other' })
})

t.test('a signal ends the wait', async t => {
  const controller = new AbortController()
  const work = () => {
    controller.abort(new Error('stopped'))
    throw busy
  }
  const patience = { lockTimeout: 60, signal: controller.signal, onWait: () => undefined }
  await t.rejects(whenFree(work, patience), { message: 'stopped' })
})

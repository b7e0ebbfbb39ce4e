import { setImmediate, setTimeout } from 'node:timers/promises'
import t from 'tap'
import { createWatch } from '../../src/migrations/watch.ts'

const never = new AbortController().signal

t.test('statements of the migration that runs are let through', async t => {
  const { before, run } = createWatch(never, 60)
  await t.resolves(
    run('0001-a', async () => {
      before('SELECT 1')
      await setTimeout(1)
      for (const sql of ['PRAGMA table_info(a)', 'PRAGMA foreign_keys', "SELECT 'ATTACH'"]) before(sql)
    }),
  )
})

for (const sql of [
  'PRAGMA foreign_keys = ON',
  'pragma  main.foreign_keys(0)',
  '-- x\nPRAGMA writable_schema=1',
  'PRAGMA journal_mode = DELETE',
  'PRAGMA locking_mode=EXCLUSIVE',
  "ATTACH 'other.db' AS other",
  'DETACH other',
]) {
  t.test(`${JSON.stringify(sql)} is refused`, async t => {
    const { before, run } = createWatch(never, 60)
    await t.rejects(run('0001-a', async () => before(sql)))
  })
}

t.test('a statement outside any migration is refused', async t => {
  const { before } = createWatch(never, 60)
  t.throws(() => before('SELECT 1'))
})

t.test('a statement that the migration did not wait for fails it', async t => {
  const { before, run } = createWatch(never, 60)
  const drop = async () => {
    const later = setImmediate().then(() => before('DELETE FROM a'))
    later.catch(() => undefined)
  }
  await t.rejects(run('0001-a', drop), { message: /0001-a.*DELETE FROM a/ })
})

t.test('a late statement is known even while the next migration runs', async t => {
  const { before, run } = createWatch(never, 60)
  let refused: unknown
  await run('0001-a', async () => {
    setTimeout(20)
      .then(() => before('DELETE FROM a'))
      .catch(error => {
        refused = error
      })
  })
  const next = run('0002-b', async () => {
    await setTimeout(60)
    before('SELECT 1')
  })
  await t.rejects(next, { message: /0001-a.*DELETE FROM a/ })
  t.match(refused, { message: /0001-a/ })
})

t.test('a promise that does not settle is given up after the limit', async t => {
  const { run } = createWatch(never, 0.05)
  const alive = setTimeout(1000)
  await t.rejects(
    run('0001-a', () => new Promise(() => undefined)),
    { message: /not settled/ },
  )
  await alive
})

t.test('each statement starts the limit anew', async t => {
  const { before, run } = createWatch(never, 1)
  await t.resolves(
    run('0001-a', async () => {
      for (let i = 0; i < 12; i += 1) {
        await setTimeout(100)
        before('SELECT 1')
      }
    }),
  )
})

t.test('a signal stops a migration that waits, with its reason, and refuses its next statement', async t => {
  const controller = new AbortController()
  const { before, run } = createWatch(controller.signal, 60)
  const stopped = run('0001-a', () => new Promise(() => undefined))
  controller.abort(new Error('SIGTERM'))
  await t.rejects(stopped, { message: 'SIGTERM' })
  t.throws(() => before('SELECT 1'), { message: 'SIGTERM' })
})

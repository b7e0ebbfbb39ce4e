import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { Failure } from '../../src/failure.ts'
import { asOrigin, blamingStrays, stopsAlone, watchStrays } from '../../src/migrations/blame.ts'

/** A signal that is aborted with an error in the context of a migration, and what comes of work that it stops. */
const stray = async (does: 'load' | 'run' | undefined, reason: unknown): Promise<unknown> => {
  const controller = new AbortController()
  watchStrays(controller.signal)
  watchStrays(controller.signal)
  const abort = () => controller.abort(reason)
  if (does === undefined) abort()
  else asOrigin({ name: '0001-a', file: '/m/0001-a.ts', does }, () => setTimeout(1).then(abort))
  await setTimeout(10)
  const stopped = blamingStrays(controller.signal, async () => controller.signal.throwIfAborted())
  return stopped.catch((error: unknown) => error)
}

t.test('an error that nobody caught is blamed on the migration in which it happened', async t => {
  t.match(await stray('run', new Error('late')), { code: 'MIGRATION_FAILED', message: /0001-a.*late/ })
  t.match(await stray('run', 'words'), { code: 'MIGRATION_FAILED', message: /words/ })
  t.match(await stray('load', new Error('late\nstack')), { code: 'CONFIG_INVALID', message: /0001-a.*late$/ })
})

t.test('no migration is blamed for a signal, or an error of this program', async t => {
  const signal = new Failure('SIGTERM', 'stopped', 'hint')
  t.equal(await stray('run', signal), signal)
  const bug = new Error('bug')
  t.equal(await stray(undefined, bug), bug)
})

t.test('after the commit a signal stops the run, and no error of a migration', async t => {
  const controller = new AbortController()
  const late = stopsAlone(controller.signal)
  controller.abort(new Error('late'))
  t.equal(late.aborted, false)
  const stopped = new AbortController()
  stopped.abort(new Failure('SIGTERM', 'stopped', 'hint'))
  t.equal(stopsAlone(stopped.signal).aborted, true)
})

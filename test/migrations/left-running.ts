import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { asOrigin } from '../../src/migrations/blame.ts'
import { watchLeftRunning } from '../../src/migrations/left-running.ts'

const origin = { name: '0001-a', file: '/m/0001-a.ts', does: 'run' } as const

/** @param grace milliseconds: none for what never ends, and for ever for what ends, however long that takes here */
const leave = async (t: Pick<Test, 'teardown'>, work: () => Promise<unknown>, grace: number): Promise<void> => {
  const { refuse, end } = watchLeftRunning(origin, grace)
  t.teardown(end)
  await asOrigin(origin, work)
  await refuse()
}

t.test('a child process or a worker that is left running is refused', async t => {
  const sleep = async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' })
    t.teardown(() => child.kill())
  }
  await t.rejects(leave(t, sleep, 0), { message: /a child process running/ })
  const work = async () => {
    const worker = new Worker('setInterval(() => undefined, 1000)', { eval: true })
    t.teardown(() => worker.terminate())
  }
  await t.rejects(leave(t, work, 0), { message: /a worker running/ })
})

t.test(
  'one that has ended is none, nor one that cannot be started, nor one of this program or of another run',
  async t => {
    await t.resolves(leave(t, async () => once(spawn('true'), 'exit'), 0))
    await t.resolves(leave(t, async () => void new Worker('', { eval: true }), Number.POSITIVE_INFINITY))
    await t.resolves(
      leave(t, async () => void spawn('/nowhere').on('error', () => undefined), Number.POSITIVE_INFINITY),
    )
    const { refuse, end } = watchLeftRunning(origin, 0)
    const start = () => spawn('sleep', ['60'], { stdio: 'ignore' })
    // the other one is of the same migration, run on another database of this process
    const children = [start(), asOrigin({ ...origin }, start)]
    await t.resolves(refuse())
    for (const child of children) child.kill()
    end()
  },
)

/** A server whose machine is gone: no connection of it is ever answered again, nor refused. */
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { makeFolder, runUp, until } from '../help/on-server.ts'
import { debian, startServerOf, whyNot } from '../help/postgres.ts'

const iptables = (...words: readonly string[]): boolean => spawnSync('iptables', words).status === 0
const reason = whyNot(debian) || (!iptables('-S', 'INPUT') && 'iptables is not installed, or not allowed')
if (reason) {
  t.pass(reason, { skip: reason })
  process.exit()
}
const server = await startServerOf(debian)
t.teardown(() => server.stop())

t.test('a run notices it in the middle of a long statement, and begins anew where the primary is then', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, 'await query("CREATE TABLE a (x integer)"); await query("SELECT pg_sleep(2)")')
  const running = runUp(url, folder, { MIGRATOR_LOCK_TIMEOUT: '120' })
  const sleeping = "SELECT client_port AS port FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(2)'"
  await until(async () => (await server.run(url, sleeping)).length > 0)
  const [row] = await server.run(url, sleeping)
  const rules = ['--sport', '--dport'].map(end => [
    ...['INPUT', '-i', 'lo', '-p', 'tcp'],
    ...[end, String(row?.port), '-j', 'DROP'],
  ])
  t.teardown(() => {
    for (const rule of rules) iptables('-D', ...rule)
  })
  for (const rule of rules) t.ok(iptables('-A', ...rule))
  await server.restart()
  const { error, events } = await running
  t.match({ error, events }, { error: undefined, events: [{ event: 'run.again', reason: /ETIMEDOUT/ }] })
  t.match(await runUp(url, folder), { events: [{ event: 'up.nothing' }] })
})

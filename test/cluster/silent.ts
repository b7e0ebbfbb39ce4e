/** A server whose machine is gone: no connection of it is ever answered again, nor refused. */
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { makeFolder, runUp, until } from '../help/on-server.ts'
import { debian, startServerOf, whyNot } from '../help/postgres.ts'

const run = (...[command = '', ...words]: readonly string[]) => spawnSync(command, words).status === 0
const ownNetwork = 'ip link set lo up && iptables -S INPUT'
const reason =
  whyNot(debian) ||
  (!run('unshare', '--net', 'sh', '-c', ownNetwork) && 'it needs iptables, ip, and a network of its own')
if (reason) {
  t.pass(reason, { skip: reason })
  process.exit()
}
// the rules go with the network, even if the test is killed
if (process.env.OWN_NETWORK === undefined) {
  const command = [process.execPath, ...process.execArgv, import.meta.filename]
  const { status } = spawnSync('unshare', ['--net', 'sh', '-c', `${ownNetwork} >&2 && exec "$@"`, 'sh', ...command], {
    stdio: 'inherit',
    env: { ...process.env, OWN_NETWORK: 'yes' },
  })
  process.exit(status ?? 1)
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
  for (const rule of rules) t.ok(run('iptables', '-A', ...rule))
  await server.restart()
  const { error, events } = await running
  t.match({ error, events }, { error: undefined, events: [{ event: 'run.again', reason: /ETIMEDOUT/ }] })
  t.match(await runUp(url, folder), { events: [{ event: 'up.nothing' }] })
})

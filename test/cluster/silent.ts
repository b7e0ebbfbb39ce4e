/** A server whose machine is gone: no connection of it is ever answered again, nor refused. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
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
/**
 * Whether all that was sent from a port is acknowledged, which takes TCP up to 40 ms: what is not is sent again for a quarter of an hour,
 * and only then no answer counts as silence. (proc_net_tcp, https://docs.kernel.org/networking/proc_net_tcp.html)
 */
const isAcknowledged = (port: number): boolean => {
  const from = new RegExp(`:${port.toString(16).padStart(4, '0')} \\S+ \\S+ 0{8}:`, 'i')
  return from.test(readFileSync('/proc/self/net/tcp', 'utf8'))
}

const server = await startServerOf(debian)
t.teardown(() => server.stop())

t.test('a run notices it in the middle of a long statement, and begins anew where the primary is then', async t => {
  const url = await server.makeDatabase()
  // it sleeps until the server is gone, however long that takes here, and not again after it
  const sleep = (seconds: number) => server.run(url, `ALTER ROLE ALL SET test.seconds = '${seconds}'`)
  await sleep(600)
  const statement = "SELECT pg_sleep(current_setting('test.seconds')::float)"
  const folder = makeFolder(t, `await query("CREATE TABLE a (x integer)"); await query("${statement}")`)
  const running = runUp(url, folder, { MIGRATOR_LOCK_TIMEOUT: '120' })
  const sleeping = `SELECT client_port AS port FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(%' AND state = 'active'`
  await until(async () => (await server.run(url, sleeping)).length > 0)
  const [row] = await server.run(url, sleeping)
  await until(async () => isAcknowledged(Number(row?.port)))
  const rules = ['--sport', '--dport'].map(end => [
    ...['INPUT', '-i', 'lo', '-p', 'tcp'],
    ...[end, String(row?.port), '-j', 'DROP'],
  ])
  for (const rule of rules) t.ok(run('iptables', '-A', ...rule))
  await sleep(0)
  await server.restart()
  const { error, events } = await running
  t.match({ error, events }, { error: undefined, events: [{ event: 'run.again', reason: /ETIMEDOUT/ }] })
  t.match(await runUp(url, folder), { events: [{ event: 'up.nothing' }] })
})

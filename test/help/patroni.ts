/**
 * A cluster of two servers that Patroni keeps, with etcd, out of Debian's packages: which of them is the primary changes as tests
 * tell it, or kill it. Nothing is on disk for good (fsync=off): what is killed here are processes, and the kernel keeps what they wrote.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { attempt, attemptAsync } from '../../src/failure.ts'
import { asUser, debian, freePort, giveToServer, run, whyNot } from './postgres.ts'

const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0

/** For tap's `skip`: why there is no cluster here. */
export const noCluster =
  whyNot(debian) || (['patroni', 'etcd'].find(command => !has(command)) ?? '').replace(/.+/, '$& is not installed')

type Row = Readonly<Record<string, unknown>>

export type Node = Readonly<{ name: string; port: number; api: number; data: string }>

/** Seconds: what etcd forgets of a node that is silent, which another then takes the place of. */
const ttl = 20

/** What a cluster may take to get where it is told to be. */
const patience = 120_000

export const startCluster = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'patroni-'))
  chmodSync(folder, 0o755)
  giveToServer(folder)
  const env = { PATH: process.env.PATH, HOME: folder, LC_ALL: 'C.UTF-8', TZ: 'UTC' }
  const start = (words: readonly [string, ...string[]], log: string): ChildProcess => {
    const file = openSync(join(folder, `${log}.log`), 'a')
    const [command, ...rest] = words
    return spawn(command, rest, { ...asUser, env, stdio: ['ignore', file, file] })
  }

  const [client, peer] = [await freePort(), await freePort()]
  const [etcdUrl, peerUrl] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`]
  const etcd = start(
    [
      'etcd',
      ...['--data-dir', join(folder, 'etcd'), '--logger', 'zap', '--log-level', 'error'],
      ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', `default=${peerUrl}`],
    ],
    'etcd',
  )

  const makeNode = async (name: string): Promise<Node> => {
    const node = { name, port: await freePort(), api: await freePort(), data: join(folder, name) }
    mkdirSync(node.data, { mode: 0o700 })
    giveToServer(node.data)
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(settingsOf(node, folder, client)))
    return node
  }
  const [a, b] = [await makeNode('a'), await makeNode('b')]
  const nodes = [a, b] as const
  const keepers = new Map<string, ChildProcess>()
  const startNode = ({ name }: Node): void => {
    keepers.set(name, start(['patroni', join(folder, `${name}.json`)], name))
  }
  const postmasterOf = ({ data }: Node): number | undefined => {
    const read = attempt(() => Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]))
    return 'value' in read ? read.value : undefined
  }
  const signal = (pid: number | undefined, name: NodeJS.Signals): void => {
    if (pid !== undefined) attempt(() => process.kill(pid, name))
  }
  /** Kills a node as a machine that is gone. */
  const killNode = (node: Node): void => {
    keepers.get(node.name)?.kill('SIGKILL')
    signal(postmasterOf(node), 'SIGKILL')
  }
  const killAll = (): void => {
    for (const node of nodes) killNode(node)
    etcd.kill('SIGKILL')
  }
  process.once('exit', killAll)

  const urlOf = (node: Node, database: string): string =>
    `postgres://postgres@127.0.0.1:${node.port}/${database}?sslmode=disable`
  const ask = async (node: Node, sql: string): Promise<Row | undefined> => {
    const asked = await attemptAsync(() => run(urlOf(node, 'postgres'), sql))
    return 'value' in asked ? asked.value[0] : undefined
  }
  const isPrimary = async (node: Node): Promise<boolean> =>
    (await ask(node, 'SELECT pg_is_in_recovery() AS r'))?.r === false
  const eventually = async <T>(what: string, find: () => Promise<T | undefined>): Promise<T> => {
    for (const deadline = performance.now() + patience; performance.now() < deadline; await setTimeout(200)) {
      const found = await find()
      if (found !== undefined) return found
    }
    const logs = nodes.map(({ name }) => readFileSync(join(folder, `${name}.log`), 'utf8').slice(-3000))
    throw new Error(`the cluster never ${what}\n${logs.join('\n----\n')}`)
  }
  const other = (node: Node): Node => (node === a ? b : a)
  /** The node that is the primary by its own word. */
  const primary = (): Promise<Node> =>
    eventually('had a primary', async () => {
      const are = await Promise.all(nodes.map(isPrimary))
      return are[0] === are[1] ? undefined : nodes[are.indexOf(true)]
    })
  const follows =
    "SELECT count(*)::int AS n FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn >= pg_current_wal_lsn()"
  /** Waits until one is the primary, and the other has all that it has. @returns the primary */
  const settled = (): Promise<Node> =>
    eventually('followed its primary', async () => {
      const node = await primary()
      return (await ask(node, follows))?.n === 1 ? node : undefined
    })
  const rest = async (node: Node, method: string, path: string, body: unknown): Promise<Response> =>
    fetch(`http://127.0.0.1:${node.api}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  await setTimeout(500)
  startNode(a)
  await eventually('had a first primary', async () => ((await isPrimary(a)) ? a : undefined))
  startNode(b)
  await settled()

  return {
    ...{ nodes, other, primary, settled, killNode, startNode, urlOf },
    /** with both hosts, as docs/postgres.md has it */
    url: (database: string): string =>
      `postgres://postgres@127.0.0.1:${a.port},127.0.0.1:${b.port}/${database}?sslmode=disable`,
    /** runs statements on the primary */
    run: async (database: string, ...statements: readonly string[]) =>
      run(urlOf(await primary(), database), ...statements),
    /** hands the primary's place over, in order */
    switchOver: async (): Promise<void> => {
      const leader = await primary()
      const { status, ...response } = await rest(leader, 'POST', '/switchover', {
        leader: leader.name,
        candidate: other(leader).name,
      })
      if (status !== 200) throw new Error(`switch-over: ${status} ${JSON.stringify(response)}`)
    },
    killPostmaster: (node: Node): void => signal(postmasterOf(node), 'SIGKILL'),
    /** stops or continues what a standby receives by */
    receiver: (node: Node, name: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void => {
      const { stdout } = spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(postmasterOf(node))], {
        encoding: 'utf8',
      })
      signal(Number(/(\d+) .*walreceiver/.exec(stdout)?.[1]), name)
    },
    configure: async (change: unknown): Promise<void> => {
      const { status } = await rest(await primary(), 'PATCH', '/config', change)
      if (status !== 200) throw new Error(`configuration: ${status}`)
    },
    until: eventually,
    stop: async (): Promise<void> => {
      const ended = [etcd, ...keepers.values()].filter(({ exitCode, signalCode }) => exitCode === null && !signalCode)
      const all = Promise.all(ended.map(child => once(child, 'exit')))
      killAll()
      await all
      // the servers notice that their postmaster is gone
      await setTimeout(500)
      process.off('exit', killAll)
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 })
    },
  }
}

export type Cluster = Awaited<ReturnType<typeof startCluster>>

/** Patroni reads YAML, and JSON is YAML. */
const settingsOf = ({ name, port, api, data }: Node, folder: string, etcd: number) => ({
  scope: 'hub',
  name,
  restapi: { listen: `127.0.0.1:${api}`, connect_address: `127.0.0.1:${api}` },
  etcd3: { host: `127.0.0.1:${etcd}` },
  bootstrap: {
    dcs: {
      ...{ ttl, loop_wait: 1, retry_timeout: 3, maximum_lag_on_failover: 2 ** 30 },
      postgresql: { use_pg_rewind: true, use_slots: true },
    },
    initdb: [{ encoding: 'UTF8' }, { auth: 'trust' }, 'data-checksums', 'no-sync'],
  },
  postgresql: {
    ...{ listen: `127.0.0.1:${port}`, connect_address: `127.0.0.1:${port}` },
    ...{ data_dir: data, bin_dir: debian, pgpass: join(folder, `${name}.pgpass`) },
    pg_hba: ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust'],
    authentication: { superuser: { username: 'postgres' }, replication: { username: 'postgres' } },
    // a copy would otherwise wait for the next checkpoint
    basebackup: [{ checkpoint: 'fast' }],
    remove_data_directory_on_rewind_failure: true,
    remove_data_directory_on_diverged_timelines: true,
    parameters: {
      ...{ fsync: 'off', full_page_writes: 'off', unix_socket_directories: folder, max_connections: 100 },
      ...{ max_wal_size: '2GB', autovacuum: 'off', wal_keep_size: '512MB' },
    },
  },
})

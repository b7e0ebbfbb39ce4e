/** Example hubs as processes of their own, and requests to them as agents and people send them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { type Agent, request } from 'node:http'
import { join } from 'node:path'
import { fromSources, root } from '../test/help/program.ts'

export type Hub = Readonly<{
  address: string
  pid: number
  /** what it wrote to standard error: why it answered with 500 */
  said: () => string
  stop: () => Promise<void>
}>

/** @param url of a database that is ready */
export const startHub = async (url: string): Promise<Hub> => {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, [...fromSources, join(root, 'examples/hub/hub.ts')], {
    env: { PATH, NODE_COMPILE_CACHE, DATABASE_URL: url, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', data => {
    said += data
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const line = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  const port = /localhost:(\d+)/.exec(String(line[0]))?.[1]
  if (port === undefined || child.pid === undefined) throw new Error(`the hub does not start: ${said}`)
  return {
    address: `http://127.0.0.1:${port}`,
    pid: child.pid,
    said: () => said,
    stop: async () => {
      process.off('exit', kill)
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

export type Answer = Readonly<{
  /** by performance.now() */
  start: number
  milliseconds: number
  /** of HTTP; 0 if there was no answer */
  status: number
  bytes: number
}>

/** @param agent keeps connections; without one each request has its own, as a curl each minute has */
export const ask = (
  { address }: Pick<Hub, 'address'>,
  method: string,
  path: string,
  body?: object,
  agent?: Agent,
): Promise<Answer> =>
  new Promise(resolve => {
    const start = performance.now()
    let bytes = 0
    const done = (status: number): void => resolve({ start, milliseconds: performance.now() - start, status, bytes })
    const sent = request(address + path, { method, agent: agent ?? false }, response => {
      response.on('data', chunk => {
        bytes += chunk.length
      })
      response.on('end', () => done(response.statusCode ?? 0))
      response.on('error', () => done(0))
    })
    sent.on('error', () => done(0))
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })

/** Seconds of CPU of a process and of the children that it has or had: utime, stime, cutime and cstime of proc(5). */
export const cpuOf = (pid: number): number => {
  const own = cpuFields(pid).reduce((sum, ticks) => sum + ticks, 0)
  return childrenOf(pid).reduce((sum, child) => sum + cpuOf(child), own / 100)
}

/** Seconds of CPU of this process's children that have ended. */
export const cpuOfEnded = (): number =>
  cpuFields(process.pid)
    .slice(2)
    .reduce((sum, ticks) => sum + ticks, 0) / 100

const fieldsOf = (pid: number): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
  } catch {
    // it has ended since, and its parent has its time
    return []
  }
}
const cpuFields = (pid: number): readonly number[] => fieldsOf(pid).slice(11, 15).map(Number)
const childrenOf = (pid: number): readonly number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(fieldsOf(Number(name))[1]) === pid)
    .map(Number)

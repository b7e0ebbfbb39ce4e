/** A run that is killed: started with the module of an engine, its place, and whether it commits first. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { runPlain } from '../../src/engine.ts'
import type { EngineMaker } from './suite.ts'

/**
 * Starts it, and returns once it has done its work and only waits.
 * @returns kills it by SIGKILL and returns when it is gone
 */
export const startKilled = async (
  module: string,
  place: string,
  commits: boolean,
): Promise<Readonly<{ kill: () => Promise<void> }>> => {
  const child = spawn(process.execPath, [import.meta.filename, module, place, String(commits)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const ready = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)])
  if (!ready) throw new Error('it ended by itself')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  return { kill }
}

const beKilled = async (module: string, place: string, commits: boolean): Promise<void> => {
  const { makeEngine }: EngineMaker = (await import(module)).maker
  const engine = await makeEngine(place, { lockTimeout: 5, signal: new AbortController().signal })
  const session = await engine.open()
  await session.transaction(async transaction => {
    const { sequelize } = await transaction.editor(runPlain, () => undefined)
    await sequelize.query('CREATE TABLE a (x INTEGER)')
    await sequelize.query('INSERT INTO a VALUES (1), (2)')
    await transaction.record({
      ...{ name: '0002-a', checksum: 'sha256:0002-a', applied_at: '2026-01-01T00:00:00.000Z' },
      ...{ duration_ms: 5, migrator: '1.0.0' },
    })
    if (commits) await transaction.commit()
    process.stdout.write('ready\n')
    await setTimeout(600_000)
  })
}

if (process.argv[1] === import.meta.filename) {
  const [, , module = '', place = '', commits] = process.argv
  await beKilled(module, place, commits === 'true')
}

import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { createPostgres, type PostgresEngine } from '../../src/postgres/postgres.ts'
import type { TestServer } from './postgres.ts'
import { root } from './program.ts'
import { pipe } from './screen.ts'
import type { EngineMaker, EngineSettings } from './suite.ts'

/** The engine of a run with these settings. */
export const makePostgres = async (
  url: string,
  { lockTimeout = 30, signal = new AbortController().signal }: Partial<EngineSettings> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<PostgresEngine> => {
  const config = await readConfig({
    environment: { DATABASE_URL: url, MIGRATOR_LOCK_TIMEOUT: String(lockTimeout), ...environment },
    workingFolder: root,
    root,
  })
  if (config.server === undefined) throw new Error(`${url} is not of a server`)
  return createPostgres({ config, log: createLog('json', 'error', 2, pipe), signal }, config.server)
}

/** PostgreSQL for the suite of all engines: a place is the URL of a database. */
export const makerOn = (server: TestServer): EngineMaker => ({ ...maker, makePlace: () => server.makeDatabase() })

export const maker: EngineMaker = {
  module: import.meta.url,
  makePlace: () => Promise.reject(new Error('a child process has its place')),
  makeEngine: (place, settings) => makePostgres(place, settings),
}

import type { Config } from '../config.ts'
import type { Engine } from '../engine.ts'
import { isFailure } from '../failure.ts'
import type { Log } from '../log.ts'
import type { ServerAddress } from '../server.ts'
import { mayPass, toFailure } from './errors.ts'
import type { PostgresReader } from './reader.ts'

/** The environment of an engine: settings, log, and how to stop it. */
export type Surroundings = Readonly<{ config: Config; log: Log; signal: AbortSignal }>

/** A server is never missing, as a file may be. */
export type PostgresEngine = Omit<Engine<PostgresReader>, 'read'> &
  Readonly<{ read: <T>(whenBusy: 'wait' | 'fail', work: (reader: PostgresReader) => Promise<T>) => Promise<T> }>

/** The engine on a server. @param address of it, from the settings */
export const createPostgres = (surroundings: Surroundings, address: ServerAddress): PostgresEngine => {
  // the driver and what works with it are loaded when they are needed: see glance.ts
  const connected = async () => (await import('./session.ts')).connected(surroundings, address)
  return {
    name: address.shown,
    // a server is checked when it is connected to
    validate: async () => undefined,
    preflight: async () => (await connected()).preflight(),
    open: async () => (await connected()).open(),
    read: async (whenBusy, work) => (await connected()).read(whenBusy, work),
    explain: error => toFailure(error, address.shown),
    isUncertain: error => isFailure(error, 'COMMIT_UNKNOWN'),
    file: undefined,
    server: { describe: async () => (await connected()).describe(), mayPass },
  }
}

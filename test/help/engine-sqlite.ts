import { makeContext } from './context.ts'
import type { EngineMaker } from './suite.ts'
import './use-uri.ts'

/** SQLite for the suite of all engines: a place is a folder. */
export const maker: EngineMaker = {
  module: import.meta.url,
  makePlace: async t => t.testdir({}),
  makeEngine: async (place, { lockTimeout, signal }) =>
    (await makeContext(place, { MIGRATOR_LOCK_TIMEOUT: String(lockTimeout) }, signal)).engine,
}

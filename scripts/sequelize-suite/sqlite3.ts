/** What Sequelize's tests get for the `sqlite3` package: the bridge, with a better-sqlite3 connection for each of Sequelize's. */
import Sqlite from 'better-sqlite3'
import { runPlain } from '../../src/engine.ts'
import { createBridge, modes } from '../../src/sqlite/bridge/sequelize.ts'
import { createSession } from '../../src/sqlite/bridge/session.ts'
import { toSequelizeText } from '../../src/sqlite/bridge/times.ts'

const open = (path: string, mode: number) => {
  const connection = new Sqlite(path, {
    fileMustExist: (mode & modes.OPEN_CREATE) === 0,
    readonly: (mode & modes.OPEN_READONLY) !== 0,
    timeout: 0,
  })
  // as in SQLite's own build
  connection.pragma('foreign_keys = OFF')
  return createSession(connection, runPlain, true)
}

export const { Database, OPEN_READONLY, OPEN_READWRITE, OPEN_CREATE } = createBridge(open, toSequelizeText)

/** Sequelize 7 exports these, and nobody uses them. */
export const [OPEN_URI, OPEN_FULLMUTEX, OPEN_SHAREDCACHE, OPEN_PRIVATECACHE] = [0x40, 0x10000, 0x20000, 0x40000]

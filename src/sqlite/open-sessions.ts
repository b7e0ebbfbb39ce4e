import Database from 'better-sqlite3'
import type { StatementHook } from '../engine.ts'
import type { Connection } from './connect.ts'
import { createSession, type Session } from './session.ts'

/**
 * Gives each connection of a hub's Sequelize one of its own to the database of `connection`, with foreign keys as they are
 * there. A database in memory has no other: all use `connection`, which stays open.
 */
export const openSessions = (connection: Connection, around: StatementHook): (() => Session) => {
  if (connection.memory) {
    const shared = createSession(connection, around, false)
    return () => shared
  }
  return () => {
    const foreignKeys = connection.pragma('foreign_keys', { simple: true })
    const own = new Database(connection.name, { fileMustExist: true, readonly: connection.readonly, timeout: 0 })
    own.pragma(`foreign_keys = ${foreignKeys}`)
    return createSession(own, around, true)
  }
}

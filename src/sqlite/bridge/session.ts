import Database from 'better-sqlite3'
import { now, setImmediate, setTimeout } from '../../clock.ts'
import { noResult, type SqlResult, type SqlStatement, type StatementHook } from '../../engine.ts'
import { attempt, type Outcome } from '../../failure.ts'
import type { Connection } from '../connect.ts'
import { isBusy, sqliteCode } from '../errors.ts'
import { keywordOf } from '../sql.ts'
import { execute, prepareOne, sqlite3Error } from './execute.ts'
import { controlOf } from './transaction-control.ts'

/** A hook around statements that have run when `execute` returns. */
export type SqliteHook = (asked: SqlStatement, execute: () => SqlResult) => SqlResult

/** The hook for the contract: on SQLite every result is there at once. */
export const toHook = (hook: SqliteHook): StatementHook => hook as StatementHook

/** Runs the statements of one connection of Sequelize. */
export type Session = Readonly<{
  /** queues a statement; calls `done` with its outcome in a later turn of the event loop */
  run: (asked: SqlStatement, done: (outcome: Outcome<SqlResult>) => void) => void
  /** after all queued statements: rolls back an open transaction, and closes the connection if it is its own */
  close: (done: () => void) => void
}>

/** Milliseconds that a statement waits for a lock, as in the `sqlite3` package; PRAGMA busy_timeout changes it. */
const usualPatience = 1000

/** Milliseconds between two tries. */
const pause = 10

/**
 * Runs a hub's statements on a connection, one after the other. It waits for locks without blocking the event loop: this very
 * process may hold them.
 * Later statements never store uncommitted writes: a transaction whose COMMIT failed is rolled back at once or, if it was busy
 * and COMMIT may be retried, before any other statement. If SQLite itself ended a transaction, its remaining statements are
 * refused.
 * @param connection with a timeout of 0
 * @param isOwn whether only this session uses the connection, so that `close` closes it
 */
export const createSession = (connection: Connection, around: SqliteHook, isOwn: boolean): Session => {
  const waiting: (() => void)[] = []
  let patience = usualPatience
  /** a transaction that has not read or written yet: only then may a statement wait for a lock, since waiting later could deadlock */
  let isFresh = false
  /** a COMMIT was busy, and may be retried */
  let isUncommitted = false
  /** why SQLite ended the transaction, until Sequelize ends it too */
  let ended: unknown
  let isClosed = false

  const rollBack = (): void => {
    if (connection.inTransaction) connection.exec('ROLLBACK')
    isUncommitted = false
  }

  const commit = (run: () => SqlResult): SqlResult => {
    const outcome = attempt(run)
    isUncommitted = 'error' in outcome && isBusy(outcome.error)
    if ('value' in outcome) return outcome.value
    if (!isUncommitted) rollBack()
    throw outcome.error
  }

  const runEnded = (asked: SqlStatement, does: string): SqlResult => {
    const cause = ended
    if (does === 'commit' || does === 'roll back') ended = undefined
    if (does === 'roll back') return { ...noResult, sql: asked.sql }
    throw sqlite3Error('SQLITE_ABORT', 'SQLite has rolled this transaction back', cause)
  }

  const runNow = (asked: SqlStatement): SqlResult => {
    const statement = prepareOne(connection, asked.sql)
    const run = () => execute(connection, statement, asked)
    const does = controlOf(asked.sql)?.does ?? 'work'
    if (does === 'begin') ended = undefined
    if (ended !== undefined) return runEnded(asked, does)
    if (does === 'commit') return commit(run)
    if (isUncommitted) rollBack()
    const wasInside = connection.inTransaction
    const outcome = attempt(run)
    if ('value' in outcome) {
      isFresh = does === 'begin'
      if (keywordOf(asked.sql) === 'PRAGMA') waitHere()
      return outcome.value
    }
    if (wasInside && !connection.inTransaction) ended = outcome.error
    throw outcome.error
  }

  /** Takes over PRAGMA busy_timeout: SQLite's own wait would block the process. */
  const waitHere = (): void => {
    const milliseconds = Number(connection.pragma('busy_timeout', { simple: true }))
    if (milliseconds === 0) return
    patience = milliseconds
    connection.pragma('busy_timeout = 0')
  }

  const mayWait = (sql: string, error: unknown): boolean => {
    if (!/^SQLITE_BUSY(?:_RECOVERY)?$/.test(String(sqliteCode(error)))) return false
    return !connection.inTransaction || isFresh || controlOf(sql)?.does === 'commit'
  }

  const next = (): void => {
    const work = waiting[0]
    if (work !== undefined) setImmediate(work)
  }
  const isDone = (): void => {
    waiting.shift()
    next()
  }
  const enqueue = (work: () => void): void => {
    if (waiting.push(work) === 1) next()
  }

  const run: Session['run'] = (asked, done) => {
    let since: number | undefined
    const tryOnce = (): void => {
      since ??= now()
      const outcome = attempt(() => {
        if (isClosed) throw sqlite3Error('SQLITE_MISUSE', 'Database is closed')
        return around(asked, () => runNow(asked))
      })
      if ('error' in outcome && now() - since < patience && mayWait(asked.sql, outcome.error)) {
        setTimeout(tryOnce, pause)
        return
      }
      isDone()
      done(outcome)
    }
    enqueue(tryOnce)
  }

  const close: Session['close'] = done =>
    enqueue(() => {
      // close() rolls back
      if (isOwn) connection.close()
      else if (connection.open) rollBack()
      isClosed = isOwn
      isDone()
      done()
    })

  return { run, close }
}

/**
 * Opens a connection to the database of `connection` for each connection of a hub's Sequelize, with foreign_keys as on
 * `connection`. A database in memory cannot be opened twice: all share `connection`, which stays open.
 */
export const openSessions = (connection: Connection, around: SqliteHook): (() => Session) => {
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

import { Sequelize } from 'sequelize'
import { setImmediate } from '../../clock.ts'
import { noResult, runPlain, type SqlResult, type SqlStatement } from '../../engine.ts'
import { attempt, type Outcome } from '../../failure.ts'
import type { Connection } from '../connect.ts'
import { sqlite3Error, toSqlite3Error } from './execute.ts'
import type { Handle } from './handle.ts'
import { closeFailed, passBigints, runCommented, withStoredTimes } from './sequelize-internals.ts'
import { openSessions, type Session, type SqliteHook } from './session.ts'
import { toSequelizeText, toText } from './times.ts'
import { mapValues, type TimeToText, toBound } from './values.ts'

type Values = readonly unknown[] | Readonly<Record<string, unknown>>
type Callback = (this: Statement, error: Error | null, rows?: readonly unknown[]) => void

/** `this` in the callbacks of the `sqlite3` package; Sequelize checks the name of this class. */
class Statement {
  readonly lastID: unknown
  readonly changes: number

  constructor(lastID: unknown, changes: number) {
    this.lastID = lastID
    this.changes = changes
  }
}

/** SQLite's open modes, the second argument of the `sqlite3` package's Database. */
export const modes = { OPEN_READONLY: 1, OPEN_READWRITE: 2, OPEN_CREATE: 4 } as const

/** A connection, as far as Sequelize uses one. */
type Sqlite3Database = Readonly<{
  filename: string
  uuid: string | undefined
  serialize: (work: () => void) => void
  all: (sql: string, values: Values | Callback, callback?: Callback) => void
  run: (sql: string, values?: Values, callback?: Callback) => void
  close: (closed?: (error: Error | null) => void) => void
}>

type Sqlite3 = typeof modes &
  Readonly<{ Database: new (filename: string, mode: number, opened: (error: Error | null) => void) => Sqlite3Database }>

/**
 * The part of the `sqlite3` package that Sequelize 6 (`dialectModule`) and 7 (`sqlite3Module`) use, on top of better-sqlite3.
 * @param open returns the session for each connection that Sequelize opens
 * @param timeToText how a bound Date is stored
 */
export const createBridge = (open: (path: string, mode: number) => Session, timeToText: TimeToText): Sqlite3 => {
  class Database {
    readonly filename: string
    readonly uuid: string | undefined
    readonly #session: Outcome<Session>

    constructor(filename: string, mode: number, opened: (error: Error | null) => void) {
      this.filename = filename
      this.#session = attempt(() => open(filename, mode))
      setImmediate(opened, 'error' in this.#session ? toOpenError(this.#session.error) : null)
    }

    serialize(work: () => void): void {
      work()
    }

    all(sql: string, values: Values | Callback, callback?: Callback): void {
      if (typeof values === 'function') this.#call(sql, [], values)
      else this.#call(sql, values, callback)
    }

    /** Passes rows only if the statement returns some (RETURNING), never an empty list. */
    run(sql: string, values: Values = [], callback?: Callback): void {
      this.#call(sql, values, function (error, rows = []) {
        callback?.call(this, error, ...(rows.length === 0 ? [] : [rows]))
      })
    }

    close(closed: (error: Error | null) => void = () => undefined): void {
      if ('error' in this.#session) setImmediate(closed, null)
      else this.#session.value.close(() => closed(null))
    }

    #call(sql: string, values: Values, callback: Callback | undefined): void {
      const done = (outcome: Outcome<SqlResult>): void => {
        const { lastID, changes, rows } = 'error' in outcome ? noResult : outcome.value
        callback?.call(new Statement(lastID, changes), 'error' in outcome ? toSqlite3Error(outcome.error) : null, rows)
      }
      const bound = attempt(() => toNamed(mapValues(values, value => toBound(value, timeToText))))
      if ('error' in this.#session)
        setImmediate(done, { error: sqlite3Error('SQLITE_MISUSE', 'Database handle is closed') })
      else if ('error' in bound) setImmediate(done, bound)
      else this.#session.value.run({ sql, bound: bound.value }, done)
    }
  }

  return { Database, ...modes }
}

/** better-sqlite3 checks the folder itself, and throws its own TypeError for a missing one. */
const toOpenError = (error: unknown): Error =>
  error instanceof TypeError && /directory/.test(error.message)
    ? sqlite3Error('SQLITE_CANTOPEN', 'unable to open database file', error)
    : toSqlite3Error(error)

/** Sequelize names parameters `$1` or `$name`; better-sqlite3 expects them without the prefix. */
const toNamed = (values: unknown): SqlStatement['bound'] =>
  Array.isArray(values)
    ? values
    : Object.fromEntries(Object.entries(Object(values)).map(([name, value]) => [name.replace(/^[$:@]/, ''), value]))

/**
 * Sequelize 6 for a hub, on the database of an open connection. Each connection of Sequelize, so each transaction, opens its own;
 * a database in memory has only the given one, as with the `sqlite3` package. Foreign keys are on or off as on `connection`.
 * Sequelize's `close` closes the connections that were opened here. @param around runs around each statement
 */
export const connectSequelize = (connection: Connection, around: SqliteHook = runPlain): Sequelize =>
  connect(connection.name, openSessions(connection, around), toSequelizeText)

/**
 * Sequelize 6 for migrations: every statement runs on the one connection of a handle. Dates are stored as this program's models
 * store them. @param around runs around each statement
 */
export const connectHandle = (handle: Handle, around: SqliteHook): Sequelize =>
  withStoredTimes(
    connect(handle.name, () => handle.open(around), toText),
    toText,
  )

const connect = (storage: string, open: (path: string, mode: number) => Session, timeToText: TimeToText): Sequelize =>
  passBigints(
    runCommented(
      closeFailed(
        new Sequelize({
          dialect: 'sqlite',
          dialectModule: createBridge(open, timeToText),
          // only OPEN_READWRITE: with OPEN_CREATE Sequelize would create the folder of an unmounted volume
          dialectOptions: { mode: 2 },
          storage,
          logging: false,
          ...foreignKeysAsTheyAre,
        }),
      ),
    ),
    'query',
  )

/** An option of Sequelize's SQLite connection manager that its types lack: leaves PRAGMA foreign_keys alone. */
const foreignKeysAsTheyAre: object = { foreignKeys: false }

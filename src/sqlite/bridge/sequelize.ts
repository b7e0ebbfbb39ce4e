import { Sequelize } from 'sequelize'
import { noResult, runPlain, type SqlResult, type SqlStatement, type StatementHook } from '../../engine.ts'
import { attempt, type Outcome } from '../../failure.ts'
import type { Connection } from '../connect.ts'
import { sqlite3Error, toSqlite3Error } from './execute.ts'
import type { Handle } from './handle.ts'
import { setImmediate } from './later.ts'
import { closeFailed, passBigints, withStoredTimes } from './sequelize-internals.ts'
import { openSessions, type Session } from './session.ts'
import { toSequelizeText, toText } from './times.ts'
import { mapValues, type TimeToText, toBound } from './values.ts'

type Values = readonly unknown[] | Readonly<Record<string, unknown>>
type Callback = (this: Statement, error: Error | null, rows?: readonly unknown[]) => void

/** What the `sqlite3` package calls `this` in a callback; Sequelize asks for this class by its name. */
class Statement {
  readonly lastID: unknown
  readonly changes: number

  constructor(lastID: unknown, changes: number) {
    this.lastID = lastID
    this.changes = changes
  }
}

/** The modes of SQLite's that the `sqlite3` package has for its second argument. */
export const modes = { OPEN_READONLY: 1, OPEN_READWRITE: 2, OPEN_CREATE: 4 } as const

/**
 * The `sqlite3` package, as far as Sequelize 6 (`dialectModule`) and 7 (`sqlite3Module`) use it, over better-sqlite3.
 * @param open gives what stands behind each connection that Sequelize opens
 * @param timeToText how a Date that is bound is stored
 */
export const createBridge = (open: (path: string, mode: number) => Session, timeToText: TimeToText) => {
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

    /** Gives rows as well where the statement has some (RETURNING), and otherwise none, not an empty list. */
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

/** better-sqlite3 looks for the folder itself, and has words of its own for it. */
const toOpenError = (error: unknown): Error =>
  error instanceof TypeError && /directory/.test(error.message)
    ? sqlite3Error('SQLITE_CANTOPEN', 'unable to open database file', error)
    : toSqlite3Error(error)

/** Sequelize names parameters `$1` or `$name`, better-sqlite3 wants them bare. */
const toNamed = (values: unknown): SqlStatement['bound'] =>
  Array.isArray(values)
    ? values
    : Object.fromEntries(Object.entries(Object(values)).map(([name, value]) => [name.replace(/^[$:@]/, ''), value]))

/**
 * Sequelize 6 for a hub, on the database of an open connection. Each connection of Sequelize, so each transaction, gets one of its own;
 * a database in memory has only the one that is given, as with the `sqlite3` package. `around` stands around each statement.
 * Foreign keys are as the connection has them. Sequelize's `close` ends the connections that were made here.
 */
export const connectSequelize = (connection: Connection, around: StatementHook = runPlain): Sequelize =>
  connect(connection.name, openSessions(connection, around), toSequelizeText)

/**
 * Sequelize 6 for migrations, whose every statement runs on the one connection of a handle. A Date is stored as the models
 * of this program store it. `around` stands around each statement.
 */
export const connectHandle = (handle: Handle, around: StatementHook): Sequelize =>
  withStoredTimes(
    connect(handle.name, () => handle.open(around), toText),
    toText,
  )

const connect = (storage: string, open: (path: string, mode: number) => Session, timeToText: TimeToText): Sequelize =>
  passBigints(
    closeFailed(
      new Sequelize({
        dialect: 'sqlite',
        dialectModule: createBridge(open, timeToText),
        // OPEN_READWRITE alone: with OPEN_CREATE Sequelize would make the folder of an unmounted volume
        dialectOptions: { mode: 2 },
        storage,
        logging: false,
        ...foreignKeysAsTheyAre,
      }),
    ),
    'query',
  )

/** Read by Sequelize's SQLite connection manager, but missing from its types. */
const foreignKeysAsTheyAre: object = { foreignKeys: false }

import { Sequelize } from 'sequelize'
import { noResult, runPlain, type SqlResult, type SqlStatement, type StatementHook } from '../engine.ts'
import { attempt } from '../failure.ts'
import type { Connection } from './connect.ts'

type Values = readonly unknown[] | Readonly<Record<string, unknown>>
type Callback = (this: Statement, error: Error | null, rows?: readonly unknown[]) => void

/** What the `sqlite3` package calls `this` in a callback; Sequelize asks for this class by its name. */
class Statement {
  readonly lastID: number
  readonly changes: number

  constructor(lastID: number, changes: number) {
    this.lastID = lastID
    this.changes = changes
  }
}

/**
 * The `sqlite3` package, as far as Sequelize 6 (`dialectModule`) and 7 (`sqlite3Module`) use it, over one open
 * better-sqlite3 connection. Whatever Sequelize takes for a connection of its own is that one, so that every query, with or
 * without `{ transaction }`, runs inside the transaction that is open on it.
 *
 * A BEGIN inside a transaction becomes a savepoint, and COMMIT and ROLLBACK end only what was begun here.
 * Integers beyond 2^53 come back as strings, never rounded.
 */
export const createBridge = (connection: Connection, around: StatementHook) => {
  /** undo and keep statements of the transactions begun here, innermost last */
  const begun: { readonly keep: string; readonly undo: string }[] = []

  const begin = (sql: string): string => {
    if (!connection.inTransaction) {
      begun.push({ keep: 'COMMIT', undo: 'ROLLBACK' })
      return sql
    }
    const name = `bridge_${begun.length}`
    begun.push({ keep: `RELEASE ${name}`, undo: `ROLLBACK TO ${name}; RELEASE ${name}` })
    return `SAVEPOINT ${name}`
  }

  const end = (how: 'keep' | 'undo', sql: string): string => {
    const transaction = begun.pop()
    if (transaction === undefined) throw new Error(`${sql}: no transaction was begun here that it could end`)
    return transaction[how]
  }

  const run = ({ sql, bound }: SqlStatement): SqlResult => {
    const control = transactionControl(sql)
    if (control !== undefined) {
      const translated = control === 'begin' ? begin(sql) : end(control, sql)
      connection.exec(translated)
      return { ...noResult, sql: translated }
    }
    const prepared = connection.prepare<unknown[] | object, Record<string, unknown>>(sql)
    if (prepared.reader) {
      const rows = prepared.safeIntegers().all(bound).map(toRow)
      return { ...noResult, sql, reads: prepared.readonly, rows }
    }
    const { lastInsertRowid, changes } = prepared.run(bound)
    return { ...noResult, sql, changes, lastID: Number(lastInsertRowid) }
  }

  const call = (sql: string, values: Values, callback: Callback | undefined): void => {
    // a later turn of the event loop, so that signals are heard between two statements
    setImmediate(() => {
      const outcome = attempt(() => {
        const asked = { sql, bound: toBound(values) }
        return around(asked, () => run(asked))
      })
      if ('error' in outcome) return callback?.call(new Statement(0, 0), toError(outcome.error))
      const { lastID, changes, rows } = outcome.value
      return callback?.call(new Statement(lastID, changes), null, rows)
    })
  }

  class Database {
    readonly filename: string
    readonly uuid: string | undefined

    constructor(filename: string, _mode: number, opened: (error: Error | null) => void) {
      this.filename = filename
      setImmediate(opened, null)
    }

    serialize(work: () => void): void {
      work()
    }

    all(sql: string, values: Values | Callback, callback?: Callback): void {
      if (typeof values === 'function') call(sql, [], values)
      else call(sql, values, callback)
    }

    run(sql: string, values: Values = [], callback?: Callback): void {
      call(sql, values, callback)
    }

    /** The connection stays open: it belongs to whoever opened it. */
    close(closed: (error: Error | null) => void = () => undefined): void {
      setImmediate(closed, null)
    }
  }

  return { Database, OPEN_READONLY: 1, OPEN_READWRITE: 2, OPEN_CREATE: 4 }
}

/** The first keyword of a statement, in capitals; white space, comments and stray semicolons before it do not count. */
export const keywordOf = (sql: string): string =>
  sql.replace(/^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([a-z]*)[\s\S]*$/i, '$1').toUpperCase()

const transactionControl = (sql: string): 'begin' | 'keep' | 'undo' | undefined => {
  const keyword = keywordOf(sql)
  if (keyword === 'BEGIN') return 'begin'
  if (keyword === 'COMMIT' || keyword === 'END') return 'keep'
  if (keyword === 'ROLLBACK' && !/\bTO\b/i.test(sql)) return 'undo'
  return undefined
}

/** Sequelize names parameters `$1` or `$name`, better-sqlite3 wants them bare; it also knows no booleans and no undefined. */
const toBound = (values: Values): SqlStatement['bound'] =>
  Array.isArray(values)
    ? values.map(toSqlite)
    : Object.fromEntries(Object.entries(values).map(([name, value]) => [name.replace(/^[$:@]/, ''), toSqlite(value)]))

const toSqlite = (value: unknown): unknown => {
  if (value === undefined) return null
  return typeof value === 'boolean' ? Number(value) : value
}

const toRow = (row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, fromSqlite(value)]))

const fromSqlite = (value: unknown): unknown => {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/**
 * Sequelize 6 on an open connection, through the bridge. `around` stands around each statement.
 * Mode 2 is SQLite's OPEN_READWRITE alone: with OPEN_CREATE Sequelize would make the folder of an unmounted volume.
 * Foreign keys stay as the connection has them.
 */
export const connectSequelize = (connection: Connection, around: StatementHook = runPlain): Sequelize =>
  new Sequelize({
    dialect: 'sqlite',
    dialectModule: createBridge(connection, around),
    dialectOptions: { mode: 2 },
    storage: connection.name,
    logging: false,
    ...foreignKeysAsTheyAre,
  })

/** Read by Sequelize's SQLite connection manager, but missing from its types. */
const foreignKeysAsTheyAre: object = { foreignKeys: false }

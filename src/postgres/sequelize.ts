import { EventEmitter } from 'node:events'
import { type CustomTypesConfig, type QueryResult, types } from 'pg'
import { Sequelize } from 'sequelize'
import type { StatementHook } from '../engine.ts'
import type { Connection } from './connect.ts'
import { ownTypes } from './connect.ts'
import type { Handle, HandleSession } from './handle.ts'
import { aroundQueries, tellSchema } from './sequelize-internals.ts'

type Done = (error: unknown, result?: QueryResult) => void

/**
 * The part of the `pg` package that Sequelize 6 uses (`dialectModule`), on a handle: connecting opens a session of it.
 * @param plain runs what Sequelize asks for itself when it connects
 */
const createDriver = (open: () => HandleSession, plain: (sql: string) => Promise<QueryResult>) => {
  class Client extends EventEmitter {
    readonly connection = new EventEmitter()
    readonly #types: CustomTypesConfig
    readonly #session = open()

    constructor({ types = ownTypes }: Readonly<{ types?: CustomTypesConfig }>) {
      super()
      this.#types = types
    }

    connect(done: (error: unknown) => void): void {
      setImmediate(done, null)
    }

    /** With a callback for a statement of the program; without one for what Sequelize reads when it connects. */
    query(sql: string, values?: readonly unknown[] | Done, done?: Done): Promise<QueryResult> | undefined {
      const [bound, answer] = typeof values === 'function' ? [[], values] : [values ?? [], done]
      if (answer === undefined) return plain(sql)
      this.#session.run({ sql, bound }, this.#types).then(
        result => answer(null, result),
        error => answer(error),
      )
      return undefined
    }

    end(done: (error: unknown) => void): void {
      setImmediate(done, null)
    }
  }

  return { Client, types: { ...types, getTypeParser: ownTypes.getTypeParser } }
}

/**
 * As many connections as Sequelize asks for: each is but a session of the one handle. Idle ones go at once, in milliseconds, since
 * the pool's timer would keep the process alive.
 */
const pool = { max: 1000, min: 0, idle: 10, evict: 10 }

/** Sequelize 6 for migrations: every statement runs on the one connection of a handle. @param around runs around each statement */
export const connectHandle = (connection: Connection, handle: Handle, around: StatementHook): Sequelize => {
  const { schema, database } = connection.address
  const options = {
    dialect: 'postgres',
    dialectModule: createDriver(
      () => handle.open(around),
      sql => connection.query(sql),
    ),
    database,
    pool,
    logging: false,
    timezone: '+00:00',
    // what a session of ours has anyway: Sequelize would say it outside of the transaction
    keepDefaultTimezone: true,
    standardConformingStrings: false,
    dialectOptions: { clientMinMessages: 'ignore' },
    databaseVersion: '14.0.0',
  } as const
  return aroundQueries(tellSchema(new Sequelize({ ...options }), schema), handle.track)
}

import type { CustomTypesConfig, QueryResult } from 'pg'
import type { SqlResult, SqlStatement, StatementHook } from '../engine.ts'
import { attemptAsync, must } from '../failure.ts'
import type { Connection } from './connect.ts'
import { controlOf } from './sql.ts'

/** A transaction or savepoint that was begun through a handle. */
type Level = Readonly<{
  /** the transaction of Sequelize that it is in, or `nobody` */
  owner: symbol
  /** of a savepoint that a migration created itself; null for a transaction */
  name: string | null
  /** the savepoint that stands for it */
  savepoint: string
}> & {
  /** the first statement by which another connection of Sequelize wrote inside it */
  stranger: string | undefined
}

/** A statement of Sequelize, which numbers all parameters for a server. */
type Asked = Pick<SqlStatement, 'sql'> & Readonly<{ bound: readonly unknown[] }>

/** Runs the statements of one connection of Sequelize. */
export type HandleSession = Readonly<{
  run: (asked: Asked, types: CustomTypesConfig) => Promise<QueryResult>
}>

const nobody = Symbol('outside of transactions')

export type Handle = ReturnType<typeof createHandle>

/**
 * One connection for all of Sequelize: every statement, with or without `{ transaction }`, runs inside the transaction that is
 * open on it. BEGIN, COMMIT and ROLLBACK of a migration become savepoints.
 *
 * So overlapping transactions are nested, and some ends cannot keep their promise: one that is not the innermost, and a ROLLBACK
 * that undoes writes from outside its transaction. After those every later statement fails, even if the error was caught, and
 * refuseUnfinished throws the reason.
 *
 * After a failed statement a server takes no other one of the transaction: the later ones fail with what the first one said.
 */
export const createHandle = (connection: Connection) => {
  /** innermost last */
  const levels: Level[] = []
  let over: Error | undefined
  /** what the first failed statement said */
  let failed: Readonly<{ error: unknown }> | undefined
  let last: Promise<unknown> = Promise.resolve()
  /** what Sequelize was asked for and has not answered */
  const unfinished = new Set<Readonly<{ sql: string }>>()

  const end = (reason: string): Error => {
    over ??= new Error(reason)
    return over
  }

  /** The index of the innermost matching level. It may end only if all levels inside it have the same owner. */
  const innermost = (owner: symbol, sql: string, isMeant: (level: Level) => boolean): number => {
    const index = levels.findLastIndex(level => level.owner === owner && isMeant(level))
    if (index === -1) throw new Error(`${sql}: there is no transaction or savepoint here that it could end`)
    if (levels.slice(index).every(level => level.owner === owner)) return index
    throw end(`${sql} would end a transaction before one that began inside it: end the inner one first`)
  }

  const plain = (sql: string): Promise<QueryResult> => connection.query(sql)

  const begin = async (owner: symbol): Promise<QueryResult> => {
    const savepoint = `bridge_${levels.length}`
    const result = await plain(`SAVEPOINT ${savepoint}`)
    levels.push({ owner, name: null, savepoint, stranger: undefined })
    return result
  }

  const refuseStranger = (from: number, statement: string): void => {
    const stranger = levels
      .slice(from)
      .map(level => level.stranger)
      .find(sql => sql !== undefined)
    if (stranger !== undefined)
      end(`${statement} undid a statement outside its transaction (pass it { transaction }): ${stranger}`)
  }

  const endTransaction = async (owner: symbol, sql: string, how: 'keep' | 'undo'): Promise<QueryResult> => {
    const index = innermost(owner, sql, ({ name }) => name === null)
    const { savepoint } = levels[index] as Level
    if (how === 'undo') await plain(`ROLLBACK TO ${savepoint}`)
    const result = await plain(`RELEASE ${savepoint}`)
    if (how === 'undo') {
      failed = undefined
      refuseStranger(index, sql)
    }
    levels.splice(index)
    return result
  }

  /** COMMIT of a failed transaction is a ROLLBACK to a server, which reports no error. */
  const commit = async (owner: symbol, sql: string): Promise<QueryResult> => {
    if (failed === undefined) return endTransaction(owner, sql, 'keep')
    const { error } = failed
    await endTransaction(owner, sql, 'undo')
    throw error
  }

  const save = async (owner: symbol, sql: string, name: string): Promise<QueryResult> => {
    if (/^bridge_\d+$/.test(name))
      throw new Error(`the migrator uses the name ${name} itself: give the savepoint another one`)
    const result = await plain(sql)
    levels.push({ owner, name, savepoint: name, stranger: undefined })
    return result
  }

  const endSavepoint = async (owner: symbol, sql: string, name: string, stays: boolean): Promise<QueryResult> => {
    const index = innermost(owner, sql, level => level.name === name)
    const result = await plain(sql)
    if (stays) {
      failed = undefined
      refuseStranger(index, sql)
    }
    levels.splice(stays ? index + 1 : index)
    return result
  }

  const work = async (owner: symbol, { sql, bound }: Asked, types: CustomTypesConfig): Promise<QueryResult> => {
    const outcome = await attemptAsync(() => connection.query(sql, bound, types))
    if ('error' in outcome) {
      if (failed !== undefined) throw failed.error
      failed = { error: outcome.error }
      throw outcome.error
    }
    if (!readsOnly(outcome.value)) for (const level of levels) if (level.owner !== owner) level.stranger ??= sql
    return outcome.value
  }

  const runNow = async (owner: symbol, asked: Asked, types: CustomTypesConfig): Promise<QueryResult> => {
    if (over !== undefined) throw over
    const { sql } = asked
    const control = controlOf(sql)
    switch (control?.does) {
      case 'begin':
        return begin(owner)
      case 'commit':
        return commit(owner, sql)
      case 'roll back':
        return endTransaction(owner, sql, 'undo')
      case 'save':
        return save(owner, sql, control.name)
      case 'release':
        return endSavepoint(owner, sql, control.name, false)
      case 'roll back to':
        return endSavepoint(owner, sql, control.name, true)
      case 'prepare':
        throw new Error(`two-phase commits are not for migrations: ${sql}`)
      default:
        return work(owner, asked, types)
    }
  }

  /** A session for one connection of Sequelize. */
  const open = (around: StatementHook): HandleSession => {
    const own = Symbol('transaction of Sequelize')
    // what runs outside of Sequelize's transactions has one owner: the pool gives it any connection
    const ownerOf = (sql: string): symbol =>
      controlOf(sql)?.does === 'begin' || levels.some(({ owner }) => owner === own) ? own : nobody
    return {
      run: async (asked, types) => {
        let result: QueryResult | undefined
        const execute = async (): Promise<SqlResult> => {
          const answered = last.then(() => runNow(ownerOf(asked.sql), asked, types))
          last = answered.catch(() => undefined)
          result = await answered
          return toResult(asked.sql, result)
        }
        await around(asked, execute)
        return must(result)
      },
    }
  }

  /** Runs a query of Sequelize, which refuseUnfinished knows of from the first moment: it reaches `open` only later. */
  const track = async <T>(sql: string, work: () => Promise<T>): Promise<T> => {
    const asked = { sql }
    unfinished.add(asked)
    try {
      return await work()
    } finally {
      unfinished.delete(asked)
    }
  }

  /**
   * Call it at the end of a migration.
   * @throws an Error if a transaction broke, or was begun and not ended, or a statement was not awaited; the server's for a
   *   deferred constraint that is broken
   */
  const refuseUnfinished = async (): Promise<void> => {
    const isOpen = levels.splice(0).some(({ name }) => name === null)
    if (over !== undefined) throw over
    for (const { sql } of unfinished)
      throw new Error(`it returned before this statement had run (await every call): ${sql}`)
    if (failed !== undefined) throw failed.error
    if (isOpen) throw new Error('it began a transaction and did not end it')
    await checkDeferred(connection)
  }

  return { open, track, refuseUnfinished }
}

/** Checks deferred constraints with the migration that breaks them, and leaves them deferred for the next one. */
const checkDeferred = async (connection: Connection): Promise<void> => {
  await connection.query('SAVEPOINT migrator_check')
  await connection.query('SET CONSTRAINTS ALL IMMEDIATE')
  await connection.query('ROLLBACK TO migrator_check')
  await connection.query('RELEASE migrator_check')
}

/** By the server's word for what it did; a SELECT may call functions that write, which the ledger sees. */
const readsOnly = ({ command }: QueryResult): boolean => /^(?:SELECT|SHOW|EXPLAIN)$/.test(command)

const toResult = (sql: string, result: QueryResult): SqlResult => ({
  sql,
  reads: readsOnly(result),
  rows: result.rows,
  changes: result.rowCount ?? 0,
  lastID: 0,
})

import { setImmediate } from '../../clock.ts'
import { noResult, type SqlResult, type SqlStatement } from '../../engine.ts'
import { attempt, must } from '../../failure.ts'
import type { Connection } from '../connect.ts'
import { sqliteError } from '../errors.ts'
import { execute, prepareOne } from './execute.ts'
import type { Session, SqliteHook } from './session.ts'
import { controlOf } from './transaction-control.ts'

/** A transaction or savepoint that was begun through a handle. */
type Level = Readonly<{
  /** the connection of Sequelize that began it */
  owner: symbol
  /** of a savepoint that a migration created itself; null for a transaction */
  name: string | null
  keep: string
  undo: string
}> & {
  /** the first statement by which another connection of Sequelize wrote inside it */
  stranger: string | undefined
}

export type Handle = ReturnType<typeof createHandle>

/**
 * One open connection for all of Sequelize: every statement, with or without `{ transaction }`, runs inside the transaction
 * that is open on it. A BEGIN inside a transaction becomes a savepoint, and COMMIT and ROLLBACK end only what was begun here.
 *
 * So overlapping transactions are nested, and some ends cannot keep their promise: one that is not the innermost, and a ROLLBACK
 * that undoes writes from outside its transaction. After those, or after SQLite itself ended the transaction, every later
 * statement fails, even if the error was caught, and refuseUnfinished throws the reason.
 */
export const createHandle = (connection: Connection) => {
  /** innermost last */
  const levels: Level[] = []
  let over: Error | undefined

  const end = (reason: string, cause?: unknown): Error => {
    over ??= new Error(reason, { cause })
    return over
  }

  /** The index of the innermost matching level. It may end only if all levels inside it have the same owner. */
  const innermost = (owner: symbol, sql: string, isMeant: (level: Level) => boolean): number => {
    const index = levels.findLastIndex(level => level.owner === owner && isMeant(level))
    if (index === -1) throw new Error(`${sql}: there is no transaction or savepoint here that it could end`)
    if (levels.slice(index).every(level => level.owner === owner)) return index
    throw end(`${sql} would end a transaction before one that began inside it: end the inner one first`)
  }

  const undo = (from: number, statement: string, run: () => SqlResult): SqlResult => {
    const stranger = levels.slice(from).find(level => level.stranger !== undefined)?.stranger
    const executed = run()
    if (stranger !== undefined)
      end(`${statement} undid a statement outside its transaction (pass it { transaction }): ${stranger}`)
    return executed
  }

  const begin = (owner: symbol, asked: SqlStatement): SqlResult => {
    const name = `bridge_${levels.length}`
    const [start, keep, undo] = connection.inTransaction
      ? [`SAVEPOINT ${name}`, `RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`]
      : [asked.sql, 'COMMIT', 'ROLLBACK']
    const executed = execute(connection, prepareOne(connection, start), { ...asked, sql: start })
    levels.push({ owner, name: null, keep, undo, stranger: undefined })
    return executed
  }

  const endTransaction = (owner: symbol, { sql }: SqlStatement, how: 'keep' | 'undo'): SqlResult => {
    const index = innermost(owner, sql, ({ name }) => name === null)
    const translated = must(levels[index])[how]
    const run = (): SqlResult => {
      try {
        connection.exec(translated)
      } finally {
        levels.splice(index)
        // after a failed COMMIT, later statements must not store its writes
        if (translated === 'COMMIT' && connection.inTransaction) connection.exec('ROLLBACK')
      }
      return { ...noResult, sql: translated }
    }
    return how === 'undo' ? undo(index, sql, run) : run()
  }

  const save = (owner: symbol, run: () => SqlResult, name: string): SqlResult => {
    if (/^bridge_\d+$/.test(name))
      throw new Error(`the migrator uses the name ${name} itself: give the savepoint another one`)
    const executed = run()
    levels.push({ owner, name, keep: '', undo: '', stranger: undefined })
    return executed
  }

  const endSavepoint = (owner: symbol, sql: string, run: () => SqlResult, name: string, stays: boolean): SqlResult => {
    const index = innermost(owner, sql, level => level.name === name)
    const executed = stays ? undo(index, sql, run) : run()
    levels.splice(stays ? index + 1 : index)
    return executed
  }

  const work = (owner: symbol, { sql }: SqlStatement, run: () => SqlResult, writes: boolean): SqlResult => {
    const wasInside = connection.inTransaction
    const outcome = attempt(run)
    const error = 'error' in outcome ? outcome.error : undefined
    if (wasInside && !connection.inTransaction)
      end(`SQLite itself rolled everything back at ${sql} (${sqliteError(error)?.message})`, error)
    if ('error' in outcome) throw outcome.error
    if (writes) for (const level of levels) if (level.owner !== owner) level.stranger ??= sql
    return outcome.value
  }

  const runNow = (owner: symbol, asked: SqlStatement): SqlResult => {
    if (over !== undefined) throw over
    const statement = prepareOne(connection, asked.sql)
    const run = () => execute(connection, statement, asked)
    const control = controlOf(asked.sql)
    switch (control?.does) {
      case 'begin':
        return begin(owner, asked)
      case 'commit':
        return endTransaction(owner, asked, 'keep')
      case 'roll back':
        return endTransaction(owner, asked, 'undo')
      case 'save':
        return save(owner, run, control.name)
      case 'release':
        return endSavepoint(owner, asked.sql, run, control.name, false)
      case 'roll back to':
        return endSavepoint(owner, asked.sql, run, control.name, true)
      default:
        return work(owner, asked, run, !statement.readonly)
    }
  }

  /** A session for one connection of Sequelize; closing it leaves the SQLite connection open. */
  const open = (around: SqliteHook): Session => {
    const owner = Symbol('connection of Sequelize')
    return {
      // in a later turn of the event loop, so that signals are handled between two statements
      run: (asked, done) => void setImmediate(() => done(attempt(() => around(asked, () => runNow(owner, asked))))),
      close: done => void setImmediate(done),
    }
  }

  /** Call it at the end of a migration. @throws an Error if a transaction broke, or was begun and not ended */
  const refuseUnfinished = (): void => {
    const isOpen = levels.splice(0).some(({ name }) => name === null)
    if (over !== undefined) throw over
    if (isOpen) throw new Error('it began a transaction and did not end it')
  }

  return { name: connection.name, open, refuseUnfinished }
}

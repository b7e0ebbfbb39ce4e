/** What a step writes down for the migration to do, inside of a transaction or of none. */
import type { Transaction } from 'sequelize'
import type { SchemaEditor } from '../../../src/engine.ts'
import { type Action, fail, type Migration, type On } from './story.ts'

type More = Readonly<{ fails?: boolean; plain?: boolean }>
/** The migrator does it; plain Sequelize does something else, or loses rows. */
export const editorOnly: More = { plain: false }
export const refused: More = { fails: true, plain: false }

export type Script = Readonly<{
  /** the number of the transaction; 0 for none */
  owner: number
  /** the option of Sequelize that names the transaction */
  within: (on: On) => { readonly transaction?: Transaction }
  /** Tells the open levels of others that something was written; a statement or call that fails wrote nothing. */
  wrote: (by?: number) => void
  act: (told: string, run: Action['run'], more?: More) => void
  /** A statement that writes nothing, or fails. */
  query: (sql: string, options?: Readonly<Record<string, unknown>>, more?: More) => void
  /** A statement that writes. */
  write: (sql: string, options?: Readonly<Record<string, unknown>>, more?: More) => void
  /** Statements that write, one after the other. */
  say: (...all: readonly string[]) => void
  /** A call of the editor that writes. */
  call: (told: string, run: (schema: SchemaEditor, options: object) => Promise<unknown>, more?: More) => void
}>

export const createScript = (migration: Migration, owner: number, isCaught: boolean): Script => {
  const { actions, levels } = migration
  const within: Script['within'] = ({ transactions }) => {
    const transaction = transactions.get(owner)
    return transaction === undefined ? {} : { transaction }
  }
  const wrote: Script['wrote'] = (by = owner) => {
    for (const level of levels) if (level.owner !== by) level.isDisturbed = true
  }
  const act: Script['act'] = (told, run, { fails = false, plain = true } = {}) => {
    // each transaction of plain Sequelize has a connection of its own
    const isAlone = levels.every(level => level.owner === owner)
    actions.push({
      told: owner === 0 ? told : `${told} in ${owner}`,
      ...{ fails, caught: fails && isCaught, plain: plain && isAlone, run },
    })
    if (fails && !isCaught) fail(migration, `${told} fails`)
  }
  const query: Script['query'] = (sql, options = {}, more = {}) => {
    const told = [sql, ...Object.values(options).map(tellValues)].join(' ')
    act(told, on => on.schema.sequelize.query(sql, { ...options, ...within(on) }), more)
  }
  const write: Script['write'] = (sql, options, more) => {
    if (!more?.fails) wrote()
    query(sql, options, more)
  }
  const say: Script['say'] = (...all) => {
    wrote()
    for (const sql of all) query(sql)
  }
  const call: Script['call'] = (told, run, more) => {
    if (!more?.fails) wrote()
    act(told, on => run(on.schema as SchemaEditor, within(on)), more)
  }
  return { owner, within, wrote, act, query, write, say, call }
}

const tellValues = (values: unknown): string =>
  JSON.stringify(values, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))

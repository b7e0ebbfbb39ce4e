/** What is known while a case is played: the database by the model, the verdict so far, and the migration under way. */
import type { QueryInterface, Transaction } from 'sequelize'
import { copyOf, type Table, type World } from '../world.ts'

/** What an action runs on. */
export type On = { readonly schema: QueryInterface; readonly transactions: Map<number, Transaction> }

/** One call of a migration. */
export type Action = Readonly<{
  told: string
  fails: boolean
  caught: boolean
  /** whether Sequelize itself does it right on the sqlite3 package */
  plain: boolean
  run: (on: On) => Promise<unknown>
}>

export type Story = {
  world: World
  /** why the run has to fail; undefined as long as it has to succeed */
  fails: string | undefined
  /** nobody can tell whether rows are gone, because what tells them apart went too */
  isUnsure: boolean
  /** a number that nothing else of the case has */
  readonly next: () => number
}

/** A transaction or a savepoint that is open. */
export type Level = {
  readonly owner: number
  /** of a savepoint; undefined for a transaction */
  readonly name: string | undefined
  readonly snapshot: World
  /** someone else wrote since it began, which a rollback would undo with it */
  isDisturbed: boolean
}

export type Migration = Readonly<{
  story: Story
  /** 1 for the first one; rows that were there before all migrations are born in 0 */
  born: number
  begun: World
  /** those of `begun` that may lose rows */
  announced: readonly Table[]
  actions: Action[]
  /** the outermost first */
  levels: Level[]
}>

/** The first reason stands. */
export const fail = ({ story, born }: Migration, why: string): void => {
  story.fails ??= `${born - 1}: ${why}`
}

export const openTransactions = ({ levels }: Migration): readonly Level[] =>
  levels.filter(({ name }) => name === undefined)

/** @param name of a savepoint; undefined for a transaction */
export const openLevel = ({ story, levels }: Migration, owner: number, name?: string): void => {
  levels.push({ owner, name, snapshot: copyOf(story.world), isDisturbed: false })
}

export const endTransaction = (migration: Migration, level: Level, verb: 'commit' | 'roll back'): void => {
  const { story, actions, levels } = migration
  const { owner, snapshot } = level
  const place = levels.indexOf(level)
  const inner = levels.slice(place)
  const isOutOfOrder = inner.some(one => one.owner !== owner)
  const isDisturbed = verb === 'roll back' && inner.some(one => one.isDisturbed)
  actions.push({
    told: `${owner}: ${verb}`,
    ...{ fails: false, caught: false, plain: !isOutOfOrder && !isDisturbed },
    run: async ({ transactions }) => {
      const transaction = transactions.get(owner)
      const ended = verb === 'commit' ? transaction?.commit() : transaction?.rollback()
      if (isOutOfOrder) await ended?.catch(() => undefined)
      else await ended
    },
  })
  if (isOutOfOrder) fail(migration, 'out of order')
  else if (isDisturbed) fail(migration, 'disturbed')
  else {
    if (verb === 'roll back') story.world = copyOf(snapshot)
    levels.splice(place)
  }
}

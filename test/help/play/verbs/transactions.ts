/** Transactions, nested ones and savepoints, which may overlap. */
import { copyOf, isSame, spell } from '../../world.ts'
import { playStep, type Scene, type Verb } from '../scene.ts'
import { refused } from '../script.ts'
import { endTransaction, openLevel, openTransactions } from '../story.ts'
import { pick } from '../values.ts'
import { update } from './change.ts'
import { insert } from './insert.ts'

export const begin: Verb = ({ migration, next, act }) => {
  const id = next()
  act(`${id}: begin `, async ({ schema, transactions }) => {
    transactions.set(id, await schema.sequelize.transaction({}))
  })
  openLevel(migration, id)
}

/** Sequelize makes a nested one a savepoint on the connection of its parent, which its commit leaves there. */
export const nest: Verb = ({ migration, how, next, act }) => {
  const parent = openTransactions(migration).at(-1)
  if (parent === undefined) return
  const id = next()
  act(`${id}: nest ${parent.owner}`, async ({ schema, transactions }) => {
    const transaction = transactions.get(parent.owner)
    transactions.set(id, await schema.sequelize.transaction(transaction === undefined ? {} : { transaction }))
  })
  if (how % 2 === 0) act(`${id}: commit`, async ({ transactions }) => transactions.get(id)?.commit())
  else act(`${id}: roll back`, async ({ transactions }) => transactions.get(id)?.rollback())
  openLevel(migration, parent.owner, `nested ${id}`)
}

const end =
  (verb: 'commit' | 'roll back'): Verb =>
  ({ migration, how, dice }) => {
    const transactions = openTransactions(migration)
    const level = how % 4 === 0 ? pick(transactions, dice.other) : transactions.at(-1)
    if (level !== undefined) endTransaction(migration, level, verb)
  }
export const commit = end('commit')
export const rollBack = end('roll back')

/** One or two transactions, and writes inside of one, of the other, and of none. */
export const overlap: Verb = ({ migration, dice, how }) => {
  const { row, other, value } = dice
  const parts: readonly Verb[] = [
    begin,
    insert,
    ...(row % 2 === 0 ? [begin, update] : []),
    ...(other % 3 === 0 ? [nest] : []),
    insert,
    value % 3 === 0 ? commit : rollBack,
    value % 2 === 0 ? commit : rollBack,
  ]
  for (const [nth, part] of parts.entries())
    playStep(migration, part, { ...dice, inside: (how + nth * (other % 3)) % 3, how: how + nth })
}

const pointOf = ({ dice }: Scene): string => `Point ${dice.other % 2}`

export const save: Verb = scene => {
  const { migration, owner, how, query } = scene
  // outside of a transaction plain Sequelize begins one by it, which nobody ends
  query(`SAVEPOINT ${spell(pointOf(scene), how)}`, {}, { plain: owner !== 0 })
  openLevel(migration, owner, pointOf(scene))
}

/** The levels from the savepoint on; undefined where it is not open. */
const levelsFrom = ({ migration: { levels }, owner }: Scene, point: string) => {
  const place = levels.findLastIndex(({ owner: by, name }) => by === owner && name !== undefined && isSame(name, point))
  return place === -1 ? undefined : levels.slice(place)
}

export const release: Verb = scene => {
  const { migration, owner, how, query, breakOff } = scene
  const sql = `RELEASE ${how % 2 === 0 ? 'SAVEPOINT ' : ''}${spell(pointOf(scene), how)}`
  const inner = levelsFrom(scene, pointOf(scene))
  if (inner === undefined) return query(sql, {}, refused)
  if (inner.some(level => level.owner !== owner)) return breakOff('out of order', sql)
  query(sql)
  migration.levels.splice(-inner.length)
}

/** The savepoint itself stays open. */
export const rollBackTo: Verb = scene => {
  const { migration, owner, how, query, fail, breakOff } = scene
  const point = spell(pointOf(scene), how)
  const sql = `/* COMMIT */ rollback -- to nothing\n TO ${how % 2 === 0 ? 'savepoint ' : ''}${point};`
  const [level, ...inner] = levelsFrom(scene, pointOf(scene)) ?? []
  if (level === undefined) return query(sql, {}, refused)
  if (inner.some(one => one.owner !== owner)) return breakOff('out of order', sql)
  query(sql)
  if ([level, ...inner].some(one => one.isDisturbed)) return fail('disturbed')
  migration.story.world = copyOf(level.snapshot)
  migration.levels.splice(migration.levels.indexOf(level) + 1)
}

/** What statements do to the model of a table and to the keys that point at it. */
import {
  cell,
  change,
  isLoose,
  isSame,
  isSameKey,
  key,
  quote,
  type Reference,
  type Row,
  type Table,
  tag,
  type World,
} from '../world.ts'
import type { Scene } from './scene.ts'

export const keyOf = (table: Table, row: Row): string => cell(row, key(table))
export const tagOf = (table: Table, row: Row): string => cell(row, tag(table))
/** The tag without its quotes. */
export const textOf = (table: Table, row: Row): string => tagOf(table, row).slice(1, -1)

const asMark = (value: string): number => Number(value) || 0

/** The mark is the highest key that AUTOINCREMENT remembers. */
export const raiseMark = (table: Table, row: Row): void => {
  table.mark = Math.max(table.mark, asMark(keyOf(table, row)))
}

export const addRow = (table: Table, row: Row): void => {
  table.rows.push(row)
  raiseMark(table, row)
}

/** A table that is made anew forgets keys that no row has. */
export const markAnew = (table: Table): void => {
  table.mark = Math.max(0, ...table.rows.map(row => asMark(keyOf(table, row))))
}

/** Indexes and a trigger go with the old table; nobody makes them again. */
export const loseAround = (table: Table): void => {
  table.indexes = []
  table.trigger = null
}

export const makeIndex = (
  name: string,
  parts: (table: Table, q: (column: { readonly name: string }) => string) => string,
): Table['indexes'][number] => ({
  name,
  sql: table => `CREATE INDEX ${quote(name)} ON ${quote(table.name)} ${parts(table, ({ name }) => quote(name))}`,
})

/** Whether a foreign key may point at its first column. */
export const isReferable = (table: Table): boolean => !isLoose(table) && !/composite|DESC/.test(table.kind)

export const referencesTo = ({ tables }: World, parent: Table): readonly Reference[] =>
  tables.flatMap(({ reference }) => (reference !== null && isSame(reference.parent, parent.name) ? [reference] : []))

export const isParent = (world: World, table: Table): boolean => referencesTo(world, table).length > 0

/** Keys follow a table that is renamed. */
export const renameTable = (world: World, table: Table, to: string): void => {
  for (const reference of referencesTo(world, table)) reference.parent = to
  table.name = to
}

export const dropTable = ({ tables }: World, table: Table): void => void tables.splice(tables.indexOf(table), 1)

type Acting = Pick<Scene, 'act' | 'world'>

/** Foreign keys and a trigger act behind a DELETE. */
export const removeRows = (scene: Acting, from: Table, rows: readonly Row[]): void => {
  const { world, act } = scene
  from.rows = from.rows.filter(one => !rows.includes(one))
  // on plain Sequelize foreign keys are off here
  if (isParent(world, from)) act('foreign keys act', async () => undefined, { plain: false })
  if (from.trigger !== null) world.log.push(...rows.map(one => tagOf(from, one)))
  for (const one of rows) followKey(scene, from, keyOf(from, one), undefined)
}

export const changeKeyOf = (scene: Acting, table: Table, row: Row, now: string): void => {
  const was = keyOf(table, row)
  change(row, key(table), now)
  followKey(scene, table, was, now)
}

/**
 * What foreign keys do to the rows that have the key.
 * @param now the new key; undefined where the row is gone
 */
const followKey = (scene: Acting, parent: Table, was: string, now: string | undefined): void => {
  for (const child of scene.world.tables) {
    const { reference } = child
    if (reference === null || !isSame(reference.parent, parent.name) || !isSame(reference.to, key(parent).name))
      continue
    const column = child.columns.find(({ id }) => id === reference.column)
    if (column === undefined) continue
    const own = child.rows.filter(one => isSameKey(parent, cell(one, column), was))
    const action = now === undefined ? reference.onDelete : reference.onUpdate
    if (action === 'CASCADE' && now === undefined) removeRows(scene, child, own)
    else if (action === 'CASCADE') for (const one of own) change(one, column, now ?? 'NULL')
    else if (action.startsWith('SET')) for (const one of own) change(one, column, 'NULL')
  }
}

import { reasonOf } from '../../failure.ts'
import { quote, sameName } from '../sql.ts'
import { addConstraint } from './constraints.ts'
import { atomically, type Editing, findTable, run } from './editing.ts'

/** `unique` as Sequelize takes it: true, or the name of the constraint. */
type Unique = boolean | string | Readonly<{ name?: string }>

/**
 * Adds a column by Sequelize's own call, and `unique`, which SQLite cannot add with a column, as a unique index.
 * @param add Sequelize's call, with the column's definition without `unique`
 * @throws Error with what to do instead, if SQLite cannot add such a column, or if its rows would be alike; nothing is changed then
 */
export const addColumn = async (
  editing: Editing,
  tableName: string,
  column: string,
  wanted: unknown,
  add: (wanted: never) => Promise<unknown>,
): Promise<void> => {
  const table = findTable(editing, tableName)
  const { unique = false, ...plain } = isAttribute(wanted) ? wanted : {}
  const addPlain = async (): Promise<void> => {
    try {
      await add((isAttribute(wanted) ? plain : wanted) as never)
    } catch (error) {
      throw withCure(error, addCures(table.name, column))
    }
  }
  if (unique === false) return addPlain()
  const name = typeof unique === 'string' ? unique : typeof unique === 'object' ? unique.name : undefined
  await atomically(editing, async () => {
    await addPlain()
    await addConstraint(editing, table.name, {
      type: 'unique',
      fields: [column],
      ...(name === undefined ? {} : { name }),
    })
  })
}

/** Whether it is a column's definition, and no type. */
const isAttribute = (wanted: unknown): wanted is Readonly<{ type: unknown; unique?: Unique }> =>
  typeof wanted === 'object' && wanted !== null && 'type' in wanted

/**
 * Removes a column, and the indexes that are of it alone, as a server does: addColumn makes one for `unique`.
 * @throws Error with what to do before, if something else uses the column; nothing is changed then
 */
export const removeColumn = async (editing: Editing, tableName: string, column: string): Promise<void> => {
  const { name, indexes } = findTable(editing, tableName)
  const own = indexes.filter(({ where, parts }) => where === null && parts.every(({ of }) => sameName(of, column)))
  const drops = own.flatMap(index => (index.name === null ? [] : [`DROP INDEX ${quote(index.name)}`]))
  const remove = async (): Promise<void> => {
    for (const sql of drops) await run(editing, sql)
    await run(editing, `ALTER TABLE ${quote(name)} DROP COLUMN ${quote(column)}`)
  }
  try {
    // one statement is whole without a savepoint, which `plan` would show
    await (drops.length === 0 ? remove() : atomically(editing, remove))
  } catch (error) {
    throw withCure(error, removeCures(name, column))
  }
}

/** What SQLite says, and what to do about it. */
type Cures = readonly (readonly [RegExp, string])[]

const addCures = (table: string, column: string): Cures => [
  [
    /NOT NULL column with default/,
    `give it a defaultValue, or add it without allowNull: false, fill it, and changeColumn('${table}', '${column}', { type, allowNull: false })`,
  ],
  [
    /non-constant default/,
    `add it without defaultValue, fill it, and changeColumn('${table}', '${column}', { type, defaultValue })`,
  ],
  [/PRIMARY KEY|STORED/, `use context.rebuildTable('${table}', createSql)`],
]

const removeCures = (table: string, column: string): Cures => [
  [/cannot drop UNIQUE/, `use removeConstraint('${table}', { type: 'unique', fields: ['${column}'] }) first`],
  [/cannot drop PRIMARY|no other columns/, `use context.rebuildTable('${table}', createSql)`],
  [/in index ("?)(.+?)\1 after drop/, `use removeIndex('${table}', '$2') first`],
  [/in (trigger|view) ("?)(.+?)\2 after drop/, `use context.sequelize.query('DROP $1 $3') first`],
  [
    /in table .* after drop/,
    `a key, UNIQUE or CHECK names it: use removeConstraint('${table}', { type, fields }) first, and for a generated column context.rebuildTable`,
  ],
]

const withCure = (error: unknown, cures: Cures): unknown => {
  const reason = reasonOf(error)
  const [cure] = cures.flatMap(([said, what]) => {
    const parts = said.exec(reason)
    return parts === null ? [] : what.replace(/\$(\d)/g, (_, index) => String(parts[Number(index)]))
  })
  return cure === undefined ? error : new Error(`${reason}: ${cure}`, { cause: error })
}

import { attempt, must } from '../failure.ts'
import type { Connection } from './connect.ts'
import { type ForeignKey, readTable, type Table } from './schema/read.ts'
import { quote, sameName } from './sql.ts'

/** So many values of a foreign key are looked up: more take longer than reading every row. */
const most = 10_000

/**
 * Whether all rows of a table have their parents, by the distinct values of its foreign keys: an index that begins with such a column
 * gives them without the rows, so a million metrics of eleven servers take eleven looks.
 * @returns false also where this does not tell: read every row then
 */
export const haveParents = (connection: Connection, table: string): boolean => {
  const child = readTable(connection, table)
  return child?.foreignKeys.every(key => hasParents(connection, child, key)) === true
}

const hasParents = (connection: Connection, child: Table, key: ForeignKey): boolean => {
  const parent = readTable(connection, key.parent)
  const [own, referenced] = [columnOf(child, key.columns), columnOf(parent, key.parentColumns)]
  if (parent === undefined || own === undefined || own.generated !== null || referenced === undefined) return false
  // else two values may be one in the child's index, and not for the parent: 1 and 1.0, a and A
  const isAlike = own.affinity === referenced.affinity && own.collation === referenced.collation
  const index = child.indexes.find(
    ({ name, where, parts: [first] }) =>
      name !== null && where === null && first?.collation === own.collation && sameName(must(first).of, own.name),
  )
  if (!isAlike || index === undefined || !isPrimaryKey(connection, parent, referenced)) return false
  // every name with that of its table: others may have the same
  const [column, source] = [
    `"of child".${quote(own.name)}`,
    `main.${quote(child.name)} AS "of child" INDEXED BY ${quote(must(index.name))}`,
  ]
  const isIt = `"of parent".${quote(referenced.name)} = value.it`
  const missing = attempt(() =>
    connection
      .prepare<[], number>(
        `WITH RECURSIVE value (it, number) AS (
           SELECT min(${column}), 1 FROM ${source}
           UNION ALL
           SELECT (SELECT min(${column}) FROM ${source} WHERE ${column} > value.it), value.number + 1 FROM value
           WHERE value.it IS NOT NULL AND value.number <= ${most})
         SELECT EXISTS (SELECT 1 FROM value WHERE value.it IS NOT NULL AND
           (value.number > ${most} OR NOT EXISTS (SELECT 1 FROM main.${quote(parent.name)} AS "of parent" WHERE ${isIt})))`,
      )
      .pluck()
      .get(),
  )
  // an error, such as of a collation that only the hub has, is told by the other way
  return 'value' in missing && missing.value === 0
}

type Column = Table['columns'][number]

const columnOf = (table: Table | undefined, names: readonly string[]): Column | undefined =>
  names.length === 1 ? table?.columns.find(({ name }) => sameName(name, must(names[0]))) : undefined

/** Whether it is all of the primary key, whose index compares as the column does: else SQLite checks no foreign key to it. */
const isPrimaryKey = (connection: Connection, { name, columns }: Table, column: Column): boolean => {
  if (column.key !== 1 || columns.some(({ key }) => key > 1)) return false
  const collations = connection
    .prepare<[string], string>(
      `SELECT x.coll FROM pragma_index_list(?, 'main') AS l JOIN pragma_index_xinfo(l.name, 'main') AS x
       WHERE l.origin = 'pk' AND x.seqno = 0`,
    )
    .pluck()
    .all(name)
  return collations.every(collation => sameName(collation, column.collation))
}

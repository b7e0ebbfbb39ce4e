import type { Connection } from '../database/open.ts'
import type { Structure } from '../database/structure.ts'
import { quote } from '../database/tokens.ts'

/** How many values that are not NULL a column has. */
export type Values = Readonly<{ table: string; column: string; number: number }>

/** Counts the values of all columns that are not computed; virtual tables have none here. Reads every row. */
export const countValues = (connection: Connection, { tables }: Structure): readonly Values[] =>
  tables.flatMap(({ name: table, columns }) => {
    const own = columns.filter(({ generated }) => generated === null).map(({ name }) => quote(name))
    if (own.length === 0) return []
    const counts = own.map(column => `count(${column}) AS ${column}`)
    const rows = connection
      .prepare<[], Record<string, number>>(`SELECT ${counts.join(', ')} FROM ${quote(table)}`)
      .all()
    return rows.flatMap(row => Object.entries(row).map(([column, number]) => ({ table, column, number })))
  })

import type { Connection } from '../database/open.ts'
import type { Structure } from '../database/structure.ts'

/** How many values that are not NULL each column has, by table and column. */
export type Values = ReadonlyMap<string, ReadonlyMap<string, number>>

/** Counts the values of all columns that are not computed; virtual tables have none here. Reads every row. */
export const countValues = (connection: Connection, { tables }: Structure): Values =>
  new Map(
    tables.map(({ name, columns }) => {
      const own = columns.filter(({ generated }) => generated === null).map(column => column.name)
      const counts = own.map(column => `count(${quote(column)})`)
      const sql = `SELECT ${['1', ...counts].join(', ')} FROM ${quote(name)}`
      const [, ...numbers] = counts.length === 0 ? [] : connection.prepare<[], number[]>(sql).raw().all().flat()
      return [name, new Map(own.map((column, index) => [column, numbers[index] ?? 0]))]
    }),
  )

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

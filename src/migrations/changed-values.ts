import { keywordOf } from '../database/bridge.ts'
import type { Connection } from '../database/open.ts'
import { type Table, without } from '../database/structure.ts'
import { tokensOf, unquote, wordAt } from '../database/tokens.ts'
import { formatThings } from '../for-people.ts'
import type { Values } from './count-values.ts'
import { fatesOf, isSurvivor } from './fates.ts'
import type { Lost } from './lost-values.ts'
import { afterOf, type Recording } from './recorder.ts'
import { sumValues } from './sum-values.ts'

/**
 * Notes what is in tables that are about to be dropped, since another one may take their place with other values: of the same
 * number, so that counting them tells nothing.
 */
export const watchDropped = (connection: Connection) => {
  /** sums of the columns of each, by its name then */
  const dropped = new Map<string, ReadonlyMap<string, number>>()

  /** Must be called before each statement; only a table whose rows were copied before is read. */
  const beforeStatement = (sql: string, recording: Recording): void => {
    if (keywordOf(sql) !== 'DROP') return
    const words = tokensOf(sql).filter(({ text }) => text !== ';')
    const named = wordAt(words, -1)
    const names = [unquote(named), named.replace(/^.*\./, '')].map(name => name.toLowerCase())
    const tables = afterOf(recording).tables.filter(({ name }) => names.includes(name.toLowerCase()))
    for (const table of tables.filter(({ name }) =>
      recording.steps.some(({ touched }) => touched.reads.includes(name)),
    ))
      dropped.set(table.name, sumValues(connection, table.name, keyOf(table), ownColumns(table)))
  }

  /** Where a table stands in the place of another one, and a column of it has other values, or some of another type. */
  const changed = (recording: Recording, before: readonly Values[]): readonly Lost[] =>
    fatesOf(recording)
      .filter(isSurvivor)
      .flatMap(({ old, now, rebuilt, columns, lastColumns }) => {
        if (rebuilt === undefined) return []
        const names = [...columns].map(([first, present]) => ({ first, present, last: lastColumns.get(first) }))
        return without(rebuilt.before, rebuilt.after).flatMap(table => {
          const key = keyOf(table).flatMap(column => names.filter(({ last }) => last === column))
          const sums = sumValues(
            connection,
            now.name,
            key.map(({ present }) => present),
            [...columns.values()],
          )
          const then = dropped.get(table.name)
          return before
            .filter(values => values.table === old.name && values.number > 0)
            .flatMap(({ column, number }) => {
              const name = names.find(({ first }) => first === column)
              if (name === undefined || sums.get(name.present) === then?.get(String(name.last))) return []
              const of = `${old.name}.${column}`
              return [{ of, number, text: `${of} had ${formatThings(number, 'value')} and has not the same after it` }]
            })
        })
      })

  return { beforeStatement, changed }
}

const keyOf = ({ columns }: Table): readonly string[] => columns.filter(({ key }) => key > 0).map(({ name }) => name)

const ownColumns = ({ columns }: Table): readonly string[] =>
  columns.filter(({ generated }) => generated === null).map(({ name }) => name)

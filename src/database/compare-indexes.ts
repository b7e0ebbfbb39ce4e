import { differ, type Finding } from './finding.ts'
import type { Index } from './indexes.ts'
import { isSameSql } from './tokens.ts'

/**
 * As compareStructures does, for the indexes of one table. One that has a name is expected by it, for a later migration may
 * drop it; a UNIQUE inside CREATE TABLE has none, and a unique index does as well.
 */
export const compareIndexes = (
  table: string,
  expected: readonly Index[],
  found: readonly Index[],
): readonly Finding[] => [
  ...expected.flatMap(index => {
    const present = found.find(other => (index.name === null ? isSame(index, other) : index.name === other.name))
    if (present === undefined) return differ('difference', nameOf(table, index), 'missing', describeIndex(index), null)
    if (isSame(index, present)) return []
    return differ('difference', nameOf(table, index), 'definition', describeIndex(index), describeIndex(present))
  }),
  ...found
    .filter(index => !expected.some(other => isExpected(index, other)))
    .flatMap(index => {
      // a unique one refuses rows that are welcome without it
      const weight = index.unique ? 'difference' : 'information'
      return differ(weight, nameOf(table, index), 'extra', null, describeIndex(index))
    }),
]

const isExpected = (found: Index, expected: Index): boolean =>
  (expected.name !== null && expected.name === found.name) || (found.unique && isSame(found, expected))

const isSame = (a: Index, b: Index): boolean => isSameSql(describeIndex(a), describeIndex(b))

const nameOf = (table: string, { name, parts }: Index): string =>
  name === null ? `unique ${table} (${parts.map(({ of }) => of).join(', ')})` : `index ${name} on ${table}`

/** An index without its name, in a line: `UNIQUE (server_id, timestamp DESC) WHERE cpu_percent > 90`. */
export const describeIndex = ({ unique, parts, where }: Pick<Index, 'unique' | 'parts' | 'where'>): string => {
  const columns = parts.map(({ of, collation, descending }) =>
    [of, collation === 'BINARY' ? '' : ` COLLATE ${collation}`, descending ? ' DESC' : ''].join(''),
  )
  return `${unique ? 'UNIQUE ' : ''}(${columns.join(', ')})${where === null ? '' : ` WHERE ${where}`}`
}

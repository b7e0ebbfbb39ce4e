import { describeIndex } from '../../database/compare-indexes.ts'
import type { Index } from '../../database/indexes.ts'
import type { Table } from '../../database/structure.ts'
import { isSameSql } from '../../database/tokens.ts'

/** What lets no two rows of a table be alike: unique indexes, and its primary key, which has no name. */
export type Unique = Readonly<Pick<Index, 'name' | 'parts' | 'where'>>

export const uniquesOf = ({ indexes, columns }: Table): readonly Unique[] => {
  const key = columns
    .filter(column => column.key > 0)
    .map(({ name, collation }) => ({ of: name, collation, descending: false }))
  const unique = indexes.filter(index => index.unique)
  return key.length === 0 ? unique : [...unique, { name: null, parts: key, where: null }]
}

/**
 * Whether rows that one lets in are let in by another one, too: it is of no more columns, of all rows or the same ones, and by
 * collations that hold no fewer values for alike.
 */
export const implies = (strict: Unique, other: Unique): boolean =>
  (strict.where === null || (other.where !== null && isSameSql(strict.where, other.where))) &&
  strict.parts.every(({ of, collation }) =>
    other.parts.some(part => isSameSql(part.of, of) && (part.collation === collation || part.collation === 'BINARY')),
  )

/** `(hostname COLLATE NOCASE) WHERE status = 'online'`; which way it is sorted does not matter here. */
export const describeUnique = ({ parts, where }: Unique): string =>
  describeIndex({ unique: false, parts: parts.map(part => ({ ...part, descending: false })), where })

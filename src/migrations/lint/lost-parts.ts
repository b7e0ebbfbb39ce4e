import { compareTables } from '../../database/compare-tables.ts'
import type { Finding as Difference } from '../../database/finding.ts'
import type { Index } from '../../database/indexes.ts'
import type { Structure, Table } from '../../database/structure.ts'
import { elementsOf, isSameSql, tokensOf, unquote, wordAt } from '../../database/tokens.ts'

/**
 * What belonged to a table and is not on the one that took its place, each in words. What goes with a column that went is not
 * told, nor are columns and foreign keys, which are other findings.
 * @param last the table as it was when it went
 * @param before the structure it was in
 * @param after the structure that the migration left
 */
export const lostParts = (last: Table, now: Table, before: Structure, after: Structure): readonly string[] => {
  const gone = last.columns.filter(({ name }) => !now.columns.some(column => column.name === name))
  const isThere = (sql: string) => !tokensOf(sql).some(({ text }) => gone.some(({ name }) => isSameSql(name, text)))
  const differences = compareTables({ ...last, name: now.name }, now, 'difference').filter(
    ({ what, expected }) => what !== 'missing' && isThere(expected ?? ''),
  )
  return [
    ...last.indexes
      .filter(
        index => index.parts.every(({ of }) => isThere(of)) && !now.indexes.some(other => isSameIndex(index, other)),
      )
      .map(({ name, parts }) => (name === null ? `UNIQUE (${columnsOf(parts)})` : `the index ${name}`)),
    ...before.triggers
      .filter(({ name, table }) => table === last.name && !after.triggers.some(other => other.name === name))
      .map(({ name }) => `the trigger ${name}`),
    ...differences.filter(isLoss(differences, now)).map(describe),
  ]
}

const columnsOf = (parts: Index['parts']): string => parts.map(({ of }) => of).join(', ')

const isSameIndex = (a: Index, b: Index): boolean =>
  a.unique === b.unique && isSameSql(columnsOf(a.parts), columnsOf(b.parts))

/** What compareTables finds of a table whose text says nothing. */
const ofNothing = [null, 'no', 'NULL', 'BINARY', 'NO ACTION', 'each statement', 'a key of its own', 'BLOB (no type)']

/** Another default, action or type is a change that somebody wrote down; one that is not there any more was forgotten. */
const isLoss =
  (differences: readonly Difference[], now: Table) =>
  ({ object, what, expected, found }: Difference): boolean => {
    if (expected === null || !ofNothing.includes(found)) return false
    if (what === 'default') return !saysDefaultNull(object, now)
    // a clause has no name: one that came is another one that went
    const alike = differences.filter(other => other.object === object && other.what === what)
    return found !== null || alike.filter(other => other.expected !== null).length * 2 > alike.length
  }

/** Somebody took the default away in so many words, as changeColumn does. */
const saysDefaultNull = (object: string, { name, sql }: Table): boolean =>
  elementsOf(sql).some(
    element =>
      object === `column ${name}.${unquote(wordAt(element, 0))}` &&
      element.some(({ text }, index) => /^DEFAULT$/i.test(text) && /^NULL$/i.test(wordAt(element, index + 1))),
  )

/** `STRICT`, `CHECK (x > 0)`, `NOT NULL of column a.x`, `ON DELETE CASCADE of foreign key a (x) to b (id)`. */
const describe = ({ object, what, expected }: Difference): string => {
  if (expected === 'yes') return what
  if (what === 'CHECK') return `CHECK (${expected})`
  if (what === 'ON CONFLICT') return `${expected}`
  return `${what === 'NULL' ? '' : `${what} `}${expected} of ${object}`
}

import type { Column } from '../../database/columns.ts'
import { quote, tokensOf, unquote, wordAt } from '../../database/tokens.ts'
import { type Fate, isSurvivor, type Survivor } from '../fates.ts'
import type { Step } from '../recorder.ts'
import { type Assignment, assign, changeOf } from './change.ts'
import { type Finding, finding } from './finding.ts'

/** HM105: columns of a rebuilt table that are there before and after, and whose values no statement copies. */
export const findNotCopied = (fates: readonly Fate[]): readonly Finding[] =>
  fates.filter(isSurvivor).flatMap(({ old, columns, lastColumns, copies }: Survivor) =>
    old.columns.flatMap(column => {
      const last = lastColumns.get(column.name)
      if (column.generated !== null || last === undefined || !columns.has(column.name)) return []
      const names = namesOf(column, last)
      if (copies.length === 0 || copies.some(step => copiesIt(step, names))) return []
      return finding('HM105', `rebuilds ${old.name} and does not copy ${old.name}.${column.name}`, copies.at(-1))
    }),
  )

/** The one statement that copies the rows of a rebuilt table, where it picks some of them. */
export const findPick = ({ copies }: Fate): Step | undefined => {
  const inserts = copies.filter(({ sql }) => changeOf(sql)?.verb !== 'UPDATE')
  return inserts.length === 1 ? inserts.find(({ sql }) => changeOf(sql)?.picks === true) : undefined
}

/** What a column can be called, in small letters. */
const namesOf = ({ rowidAlias }: Column, name: string): readonly string[] => [
  name.toLowerCase(),
  ...(rowidAlias ? ['rowid', '_rowid_', 'oid'] : []),
]

/** Where the text does not tell what comes from where, it is taken for right. */
const copiesIt = (step: Step, names: readonly string[]): boolean => {
  const assigned = assignedBy(step)
  return (
    assigned === undefined ||
    assigned.some(({ column, expression }) => names.includes(column.toLowerCase()) && mentions(expression, names))
  )
}

const assignedBy = ({ sql, before, touched }: Step): readonly Assignment[] | undefined => {
  const change = changeOf(sql)
  if (change === undefined || change.verb === 'UPDATE') return change?.sets
  const columnsOf = (table: string) =>
    before.tables.filter(({ name }) => name.toLowerCase() === table.toLowerCase()).flatMap(({ columns }) => columns)
  const own = columnsOf(change.table).filter(({ generated }) => generated === null)
  const into = change.into.length > 0 ? change.into : own.map(({ name }) => name)
  const sources = touched.reads.filter(name => name.toLowerCase() !== change.table.toLowerCase())
  const all = sources.flatMap(columnsOf).map(({ name }) => quote(name))
  const selects = change.selects.flatMap(expression => (/(?:^|[.\s])\*$/.test(expression) ? all : [expression]))
  return selects.length === into.length ? assign(into, selects) : undefined
}

/**
 * Whether an expression, without the name that it is given, names a column.
 * @param names what that can be called, in small letters
 */
export const mentions = (expression: string, names: readonly string[]): boolean => {
  const tokens = tokensOf(expression)
  const beforeLast = wordAt(tokens, -2)
  const isNamed = /^(?:AS|NULL|\d.*|'.*|\))$/is.test(beforeLast)
  return (isNamed ? tokens.slice(0, -1) : tokens).some(
    ({ text }) =>
      !text.startsWith("'") &&
      [unquote(text), text.replace(/^.*\./, '')].some(name => names.includes(name.toLowerCase())),
  )
}

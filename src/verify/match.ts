// This file is about schemas of any engine; the Finding is SQLite's.
import type { Finding } from '../sqlite/schema/compare.ts'

/** How an engine's schemas are compared, where another tool made the database. */
export type Comparison<S> = Readonly<{
  /** an empty schema */
  nothing: S
  compare: (expected: S, found: S) => readonly Finding[]
  /** what one migration makes, as findings that say `extra`: new objects, and everything in a new table */
  additions: (before: S, after: S) => readonly Finding[]
  tablesOf: (schema: S) => readonly string[]
  isNamed: (schema: S, table: string) => boolean
  /** whether a table is in both, and the same but for what is tolerated */
  isAlike: (table: string, expected: S, found: S) => boolean
  /** equal texts are names of one object */
  keyOf: (object: string) => string
  /** whether two texts of SQL mean the same */
  isSame: (a: string, b: string) => boolean
}>

type Match = Readonly<{
  /** how many migrations, from the first, the schema corresponds to */
  length: number
  /** how it deviates from what they make; a match if none is a difference */
  findings: readonly Finding[]
}>

/**
 * How many of the migrations correspond to a schema that another tool made. A pure function.
 *
 * Of several matches it picks the one with the fewest additional objects (before a migration removes something, it is still
 * there), then the shortest: the rest are migrations that only change rows, which have not run here. An object that a later
 * migration makes is a difference, not an addition, because that migration would find the name taken; an index in the same form
 * is allowed, and, if nothing else matches, so are all the tables of a later migration in the same form. Without a match it returns
 * the nearest prefix.
 * @param structures the schema after each migration, from expectedSchemas: at least one
 * @param least how many are applied for certain
 */
export const matchPrefix = <S>(structures: readonly S[], found: S, least: number, comparison: Comparison<S>): Match => {
  const { nothing, compare, additions: additionsOf, keyOf, isSame } = comparison
  // from the last one backwards, so that what later migrations make is known
  const later = new Map<string, readonly Finding[]>()
  const matches = structures
    .map((expected, index) => ({
      length: index + 1,
      findings: compare(expected, found),
      makes: additionsOf(structures[index - 1] ?? nothing, expected),
    }))
    .toReversed()
    .map(({ length, findings, makes }) => {
      const match = {
        length,
        findings: findings.map(finding => refuseLater(finding, later.get(keyOf(finding.object)) ?? [], isSame)),
      }
      for (const [object, made] of Map.groupBy(makes, ({ object }) => keyOf(object)))
        later.set(object, [...made, ...(later.get(object) ?? [])])
      return match
    })
    .filter(({ length }) => length >= least)
    .toReversed()
  const nearest = matches.reduce((best, match) => (isNearer(match, best) ? match : best))
  if (differences(nearest) === 0) return nearest
  const made = tablesMade(structures, comparison)
  const [alike] = matches
    .map(
      ({ length, findings }): Match => ({
        length,
        findings: findings.map(finding =>
          isMadeAlike(finding, made.slice(length), found, comparison) ? { ...finding, weight: 'information' } : finding,
        ),
      }),
    )
    .filter(match => differences(match) === 0)
    .toSorted((a, b) => extraTables(a) - extraTables(b))
  return alike ?? nearest
}

type Made<S> = Readonly<{ tables: readonly string[]; after: S }>

/** The tables that each migration makes, and the schema after it. */
const tablesMade = <S>(structures: readonly S[], { nothing, tablesOf, isNamed }: Comparison<S>): readonly Made<S>[] =>
  structures.map((after, index) => {
    const before = structures[index - 1] ?? nothing
    return { tables: tablesOf(after).filter(table => !isNamed(before, table)), after }
  })

/** Whether a later migration makes an additional table in the same form, and every other table of that migration is there, too. */
const isMadeAlike = <S>(
  { what, object }: Finding,
  later: readonly Made<S>[],
  found: S,
  { isAlike, keyOf }: Comparison<S>,
): boolean => {
  if (what !== 'extra' || !object.startsWith('table ')) return false
  const made = later.find(({ tables }) => tables.some(name => keyOf(`table ${name}`) === keyOf(object)))
  return made?.tables.every(table => isAlike(table, made.after, found)) === true
}

/**
 * The last migration that `up` may run before a later one finds its tables there already, which then is to be adopted in its turn;
 * undefined if there is none such.
 */
export const beforeNextMade = <S>(
  structures: readonly S[],
  found: S,
  length: number,
  comparison: Comparison<S>,
): number | undefined => {
  const next = tablesMade(structures, comparison).findIndex(
    ({ tables }, index) => index >= length && tables.some(table => comparison.isNamed(found, table)),
  )
  return next > length ? next - 1 : undefined
}

/** @param made what later migrations make under the name of the finding's object */
const refuseLater = (
  finding: Finding,
  made: readonly Finding[],
  isSameText: Comparison<unknown>['isSame'],
): Finding => {
  if (finding.what !== 'extra' || made.length === 0) return finding
  // `found` of a table lists only its columns, so it cannot show that two are the same
  const isSame = made.some(
    ({ object, found }) => !object.startsWith('table ') && isSameText(`${found}`, `${finding.found}`),
  )
  if (isSame) return finding
  return { ...finding, weight: 'difference' }
}

/** Compares misplaced tables first, so that the nearest match has the same tables, then differences, then additions. */
const isNearer = (a: Match, b: Match): boolean => {
  const [first = 0] = [misplacedTables, differences, additions].map(count => count(a) - count(b)).filter(Boolean)
  return first < 0
}

const differences = ({ findings }: Match): number => findings.filter(({ weight }) => weight === 'difference').length
const additions = ({ findings }: Match): number => findings.filter(({ what }) => what === 'extra').length
const extraTables = ({ findings }: Match): number =>
  findings.filter(({ object, what }) => what === 'extra' && object.startsWith('table ')).length
const misplacedTables = ({ findings }: Match): number =>
  findings.filter(
    ({ weight, object, what }) =>
      weight === 'difference' && object.startsWith('table ') && /^(?:missing|extra)$/.test(what),
  ).length

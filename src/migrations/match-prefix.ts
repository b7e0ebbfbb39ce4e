import { compareStructures } from '../database/compare-structures.ts'
import type { Finding } from '../database/finding.ts'
import type { Structure } from '../database/structure.ts'

export type Match = Readonly<{
  /** how many migrations lead there */
  length: number
  /** what is other than they make it; it is a match when none is a difference */
  findings: readonly Finding[]
}>

/**
 * How many of the migrations have made a structure that another tool made. A pure function.
 *
 * Of several matches it is the one with the fewest additional objects (what a migration takes away is still there before it), and
 * of those the shortest: the rest are migrations that change rows alone, which nobody has run here. What a later migration
 * makes is no additional object, though: that migration would find its place taken. Without a match it is the nearest.
 * @param structures after each migration, as expectedStructures gives them: at least one
 * @param least how many are applied for certain
 */
export const matchPrefix = (structures: readonly Structure[], found: Structure, least: number): Match => {
  const matches = structures
    .map((expected, index) => {
      const later = structures.slice(index + 1).flatMap(structure => additionsOf(expected, structure))
      const findings = compareStructures(expected, found, { adopted: true })
      return { length: index + 1, findings: findings.map(finding => refuseLater(finding, later)) }
    })
    .filter(({ length }) => length >= least)
  return matches.reduce((best, match) => (isNearer(match, best) ? match : best))
}

const additionsOf = (before: Structure, after: Structure): readonly string[] =>
  compareStructures(before, after, { adopted: true })
    .filter(({ what }) => what === 'extra')
    .map(({ object }) => object)

const refuseLater = (finding: Finding, later: readonly string[]): Finding =>
  finding.what === 'extra' && later.includes(finding.object) ? { ...finding, weight: 'difference' } : finding

/** Whole tables count for more than what is in them, so that the nearest is the one with the same tables. */
const isNearer = (a: Match, b: Match): boolean => {
  const [first = 0] = [misplacedTables, differences, additions].map(count => count(a) - count(b)).filter(Boolean)
  return first < 0
}

const differences = ({ findings }: Match): number => findings.filter(({ weight }) => weight === 'difference').length
const additions = ({ findings }: Match): number => findings.filter(({ what }) => what === 'extra').length
const misplacedTables = ({ findings }: Match): number =>
  findings.filter(
    ({ weight, object, what }) =>
      weight === 'difference' && object.startsWith('table ') && /^(?:missing|extra)$/.test(what),
  ).length

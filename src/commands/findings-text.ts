import type { Finding } from '../database/finding.ts'
import { textTable } from '../text-table.ts'

const headings = [
  ['difference', 'differences:'],
  ['tolerated', 'tolerated, for another tool made it:'],
  ['information', 'for information:'],
] as const

/** Findings for people, by their weight: lines of what was expected and what was found. None where there are none. */
export const findingsText = (findings: readonly Finding[]): readonly string[] =>
  headings.flatMap(([weight, heading]) => {
    const rows = toRows(findings.filter(finding => finding.weight === weight))
    return rows.length === 0 ? [] : [heading, ...textTable(rows)]
  })

/** A finding for a line of the log: `column servers.id affinity: expected TEXT, found REAL`. */
export const findingLine = (finding: Finding): string => {
  const compared = comparison(finding)
  return `${finding.object} ${finding.what}${compared === '' ? '' : `: ${compared}`}`
}

/** Names of types are counted: a database of another tool has other ones in almost every column. */
const toRows = (findings: readonly Finding[]): readonly (readonly string[])[] => {
  const isTypeName = ({ what }: Finding): boolean => what === 'type name'
  const typeNames = findings.filter(isTypeName).length
  return [
    ...findings.filter(finding => !isTypeName(finding)).map(row => [row.object, row.what, comparison(row)]),
    ...(typeNames === 0 ? [] : [[`${typeNames} columns`, 'type name', 'of the same affinity; --json names them']]),
  ]
}

const comparison = ({ expected, found }: Finding): string =>
  expected === null ? (found ?? '') : `expected ${expected}, found ${found ?? 'nothing'}`

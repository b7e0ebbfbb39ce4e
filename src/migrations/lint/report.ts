import type { Placed } from './finding.ts'
import type { Rule } from './rule.ts'
import { rules } from './rules.ts'

/** A finding as people and machines get it. */
export type Reported = Placed & Pick<Rule, 'level' | 'cure'>

export const report = (found: Placed): Reported => {
  const { level, cure } = rules[found.code]
  return { ...found, level, cure }
}

/** Findings as text: what each is, the statement that shows it, and once for all of a code what to do. */
export const reportLines = (findings: readonly Reported[]): readonly string[] =>
  findings.flatMap(({ code, level, direction, message, statement, cure }, index) => [
    `  ${level} ${code}: ${direction ?? 'it'} ${message}`,
    ...(statement === null ? [] : statement.trim().split('\n')).map(line => `    ${line}`),
    ...(findings[index + 1]?.code === code ? [] : [`    ${cure}`]),
  ])

import { relative } from 'node:path'
import type { Place } from '../where.ts'
import { type Reported, rules } from './rules.ts'

/** A finding with its file, and with its line where that is known. */
export type PlacedFinding = Omit<Reported, 'place'> & Readonly<{ place: Pick<Place, 'file'> & Partial<Place> }>

/** From the working folder, which is the checkout where a machine reads these. */
const pathOf = ({ file }: PlacedFinding['place']): string => relative('', file)

const messageOf = ({ direction, message }: PlacedFinding): string => `${direction ?? 'it'} ${message}`

/** A finding as GitHub shows it beside the code. */
export const toAnnotation = (found: PlacedFinding): string =>
  annotation(found.level, found.code, found.place, `${messageOf(found)}. ${found.cure}`)

/** A line of https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions */
export const annotation = (
  level: 'error' | 'warning',
  title: string,
  place: PlacedFinding['place'],
  text: string,
): string => {
  const properties = { file: pathOf(place), line: place.line, col: place.column, title }
  const list = Object.entries(properties).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}=${escaped(String(value)).replaceAll(':', '%3A').replaceAll(',', '%2C')}`,
  )
  return `::${level} ${list.join(',')}::${escaped(text)}\n`
}

const escaped = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')

/** A log of SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html */
export const toSarif = (findings: readonly PlacedFinding[], version: string) => ({
  $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
  version: '2.1.0',
  runs: [
    {
      tool: {
        driver: {
          name: 'homelab-migrator',
          version,
          rules: Object.entries(rules).map(([id, { level, title, detects, cure }]) => ({
            id,
            shortDescription: { text: title },
            fullDescription: { text: detects },
            help: { text: cure },
            defaultConfiguration: { level },
          })),
        },
      },
      results: findings.map(toResult),
    },
  ],
})

const toResult = (found: PlacedFinding) => {
  const { code, level, place, statement } = found
  const region = place.line === undefined ? {} : { region: { startLine: place.line, startColumn: place.column } }
  return {
    ruleId: code,
    level,
    message: { text: messageOf(found) },
    locations: [{ physicalLocation: { artifactLocation: { uri: encodeURI(pathOf(place)) }, ...region } }],
    ...(statement === null ? {} : { properties: { statement } }),
  }
}

import type { Difference } from '../migrations/differences.ts'
import { textTable } from '../text-table.ts'

const marks: Readonly<Record<Difference['change'], string>> = { added: '+', removed: '-', changed: '~' }

/** Differences of a structure for people: `+ column  servers.room  TEXT`. */
export const differenceLines = (differences: readonly Difference[]): readonly string[] =>
  textTable(differences.map(({ change, kind, name, detail }) => [`${marks[change]} ${kind}`, name, detail]))

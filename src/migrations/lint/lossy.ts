import type { Affinity } from '../../database/affinity.ts'
import { type Fate, isSurvivor } from '../fates.ts'
import { type Finding, finding } from './finding.ts'

/**
 * What SQLite makes another value of, where a column gets another affinity: a text that looks like a number loses its zeros, a
 * large INTEGER as REAL its last digits, and so does a REAL as text. https://www.sqlite.org/datatype3.html#type_affinity
 */
const lossy: Readonly<Record<Affinity, readonly Affinity[]>> = {
  TEXT: ['INTEGER', 'REAL', 'NUMERIC'],
  BLOB: ['INTEGER', 'REAL', 'NUMERIC', 'TEXT'],
  INTEGER: ['REAL'],
  NUMERIC: ['REAL', 'TEXT'],
  REAL: ['TEXT'],
}

/** HM106: columns whose values another affinity may change as they are copied. */
export const findLossy = (fates: readonly Fate[]): readonly Finding[] =>
  fates.filter(isSurvivor).flatMap(({ old, now, columns, copies }) =>
    old.columns.flatMap(({ name, affinity: was, generated }) => {
      const isIt = (column: string) => generated === null && column === columns.get(name)
      return now.columns
        .filter(column => isIt(column.name) && lossy[was].includes(column.affinity))
        .map(({ affinity }) =>
          finding('HM106', `makes ${old.name}.${name} ${affinity}, which was ${was}`, copies.at(-1)),
        )
    }),
  )

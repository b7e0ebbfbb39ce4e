import type { Structure } from '../../database/structure.ts'
import { type Step, stepThat } from '../recorder.ts'
import { type Finding, finding } from './finding.ts'

/** HM302: defaults with a semicolon that were not there before. */
export const findDefaults = (before: Structure, after: Structure, steps: readonly Step[]): readonly Finding[] => {
  const old = semicolonsOf(before)
  return semicolonsOf(after)
    .filter(place => !old.includes(place))
    .map(place => {
      const step = stepThat(steps, structure => semicolonsOf(structure).includes(place))
      return finding('HM302', `sets the default of ${place}`, step)
    })
}

/** In words: `servers.note to 'a;b'`. */
const semicolonsOf = ({ tables }: Structure): readonly string[] =>
  tables.flatMap(({ name: table, columns }) =>
    columns
      .filter(column => column.default?.includes(';') === true)
      .map(({ name, default: value }) => `${table}.${name} to ${value}`),
  )

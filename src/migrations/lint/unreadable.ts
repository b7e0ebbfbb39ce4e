import type { Structure } from '../../database/structure.ts'
import { type Step, stepThat } from '../recorder.ts'
import { type Finding, finding } from './finding.ts'

/** HM104: views that cannot be read, and could before or were not there. */
export const findUnreadable = (before: Structure, after: Structure, steps: readonly Step[]): readonly Finding[] => {
  const isBroken = ({ views }: Structure, view: string) =>
    views.some(({ name, error }) => name === view && error !== null)
  return after.views.flatMap(({ name, error }) => {
    if (error === null || isBroken(before, name)) return []
    const step = stepThat(steps, structure => isBroken(structure, name))
    return finding('HM104', `leaves the view ${name}, which cannot be read: ${error}`, step)
  })
}

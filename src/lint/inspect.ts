import { type Lineage, lineagesOf } from '../dry-run/lineage.ts'
import { afterOf, type Recording, withoutUndone } from '../dry-run/record.ts'
import { findDataDependent } from './data.ts'
import { findLossy, findNotCopied, findRebuilds } from './rebuilds.ts'
import type { Finding } from './rules.ts'
import { findChance, findStatements } from './statements.ts'
import { findDefaults, findDropped, findIncompatible, findLostParents, findUnreadable } from './structure.ts'

/** The findings of the statements that an `up` ran. A pure function, except that it asks SQLite whether a default is constant. */
export const findInUp = (recording: Recording): readonly Finding[] => {
  const lineages = lineagesOf(recording)
  const steps = withoutUndone(recording.steps)
  const structure = findInStructure(recording, lineages)
  // HM102 already reports a foreign key that followed a renamed table
  const told = structure.some(({ code }) => code === 'HM102')
  return [
    ...findDropped(lineages, steps, afterOf(recording)),
    ...findDataDependent(lineages, steps),
    ...findIncompatible(lineages, steps).filter(({ code }) => !(told && code === 'CD101')),
    ...structure,
    ...findLossy(lineages),
    ...findChance(steps),
  ]
}

/** The findings that apply to a `down` too, which may drop what `up` made and rename what it renamed. */
export const findInStructure = (
  recording: Recording,
  lineages: readonly Lineage[] = lineagesOf(recording),
): readonly Finding[] => {
  const { before, steps: all } = recording
  const steps = withoutUndone(all)
  const after = afterOf({ before, steps })
  const rebuilds = findRebuilds(lineages, steps, after)
  // a foreign key that followed a renamed table breaks when that is dropped: HM102 already reports it
  const told = rebuilds.some(({ code }) => code === 'HM102')
  return [
    ...rebuilds,
    ...findNotCopied(lineages),
    ...(told ? [] : findLostParents(before, after, steps)),
    ...findUnreadable(before, after, steps),
    ...findDefaults(before, after, steps),
    ...findStatements(all),
  ]
}

import { lineagesOf } from '../dry-run/lineage.ts'
import { afterOf, type Recording, withoutUndone } from '../dry-run/record.ts'
import { findDataDependent } from './data.ts'
import { findLossy, findNotCopied, findRebuilds } from './rebuilds.ts'
import type { Finding } from './rules.ts'
import { findChance, findStatements } from './statements.ts'
import { findDefaults, findDropped, findIncompatible, findLostParents, findUnreadable } from './structure.ts'

/** What is to be said of the statements that an `up` ran. A pure function, save that SQLite is asked what a constant is. */
export const findInUp = (recording: Recording): readonly Finding[] => {
  const lineages = lineagesOf(recording)
  const steps = withoutUndone(recording.steps)
  const structure = findInStructure(recording)
  // a key that followed a table leads to another one: it has been told
  const told = structure.some(({ code }) => code === 'HM102')
  return [
    ...findDropped(lineages),
    ...findDataDependent(lineages, steps),
    ...findIncompatible(lineages, steps).filter(({ code }) => !(told && code === 'CD101')),
    ...structure,
    ...findLossy(lineages),
    ...findChance(steps),
  ]
}

/** The part of it that holds for a `down` too, which may drop and rename what `up` made and renamed. */
export const findInStructure = (recording: Recording): readonly Finding[] => {
  const { before, steps: all } = recording
  const steps = withoutUndone(all)
  const after = afterOf({ before, steps })
  const lineages = lineagesOf(recording)
  const rebuilds = findRebuilds(lineages, steps, after)
  // a key that followed a table is broken once that is dropped: it has been told
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

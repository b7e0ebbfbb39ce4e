import { fatesOf } from '../fates.ts'
import { afterOf, type Recording, withoutUndone } from '../recorder.ts'
import { findBrokenKeys } from './broken-keys.ts'
import { findChance } from './chance.ts'
import { findDataDependent } from './data-dependent.ts'
import { findDefaults } from './defaults.ts'
import { findDropped } from './dropped.ts'
import type { Finding } from './finding.ts'
import { findIncompatible } from './incompatible.ts'
import { findLossy } from './lossy.ts'
import { findNotCopied } from './not-copied.ts'
import { findRebuilds } from './rebuilds.ts'
import { findStatements } from './statements.ts'
import { findUnreadable } from './unreadable.ts'

/** What is to be said of the statements that an `up` ran. A pure function, save that SQLite is asked what a constant is. */
export const inspect = (recording: Recording): readonly Finding[] => {
  const fates = fatesOf(recording)
  const steps = withoutUndone(recording.steps)
  const structure = inspectStructure(recording)
  // a key that followed a table leads to another one: it has been told
  const told = structure.some(({ code }) => code === 'HM102')
  return [
    ...findDropped(fates),
    ...findDataDependent(fates, steps),
    ...findIncompatible(fates, steps).filter(({ code }) => !(told && code === 'CD101')),
    ...structure,
    ...findLossy(fates),
    ...findChance(steps),
  ]
}

/** The part of it that holds for a `down` too, which may drop and rename what `up` made and renamed. */
export const inspectStructure = (recording: Recording): readonly Finding[] => {
  const { before, steps: all } = recording
  const steps = withoutUndone(all)
  const after = afterOf({ before, steps })
  const fates = fatesOf(recording)
  const rebuilds = findRebuilds(fates, steps, after)
  // a key that followed a table is broken once that is dropped: it has been told
  const told = rebuilds.some(({ code }) => code === 'HM102')
  return [
    ...rebuilds,
    ...findNotCopied(fates),
    ...(told ? [] : findBrokenKeys(before, after, steps)),
    ...findUnreadable(before, after, steps),
    ...findDefaults(before, after, steps),
    ...findStatements(all),
  ]
}

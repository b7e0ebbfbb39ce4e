import { lineagesOf } from '../dry-run/lineage.ts'
import { withoutUndone } from '../dry-run/record.ts'
import { type KnownMigration, type MigrationText, toKnown } from '../migrations/files.ts'
import { loadMigrations } from '../migrations/load.ts'
import { makePlan } from '../migrations/plan.ts'
import { findDeletes, findDown } from './down.ts'
import { findInStructure, findInUp } from './inspect.ts'
import { watchOutside } from './outside.ts'
import { type Rehearsal, type RehearseOptions, type Run, rehearse } from './rehearse.ts'
import { applySuppressions, finding, type Placed, place } from './rules.ts'
import { findStatements } from './statements.ts'

export type Linted = Readonly<{ name: string; findings: readonly Placed[] }>

/**
 * Runs migrations from nothing in memory, `up` and `down`, and says of each what is to be said and is not silenced there.
 * @throws Failure CONFIG_INVALID when one cannot be loaded; the reason of a signal
 */
export const lint = async (
  texts: readonly MigrationText[],
  options: Omit<RehearseOptions, 'onRun'>,
): Promise<readonly Linted[]> => {
  const known = texts.map(toKnown)
  const outside = watchOutside(known)
  try {
    const rehearsals = await rehearse(await loadMigrations(known), { ...options, onRun: outside.running })
    return texts.map(text => {
      const migration = toKnown(text)
      const found = [
        ...[...findNumber(migration, known), ...outside.findings(migration)].map(place(null)),
        ...findRuns(migration, rehearsals),
      ]
      const { open, unused } = applySuppressions(found, text.text)
      return { name: text.name, findings: [...open, ...unused] }
    })
  } finally {
    outside.stop()
  }
}

/** HM002 */
const findNumber = ({ name }: KnownMigration, known: readonly KnownMigration[]) =>
  makePlan(known, [])
    .conflicts.filter(conflict => conflict.name === name)
    .map(conflict => finding('HM002', conflict.finding, undefined))

const findRuns = ({ name }: KnownMigration, rehearsals: readonly Rehearsal[]): readonly Placed[] => {
  const rehearsal = rehearsals.find(candidate => candidate.name === name)
  if (rehearsal === undefined) {
    return [place(null)(finding('HM001', 'was not run: what ran before it stopped the program', undefined))]
  }
  const { up, down, removesRows } = rehearsal
  const missing = rehearsals.slice(0, rehearsals.indexOf(rehearsal)).filter(earlier => earlier.up.failed !== null)
  const because = missing.map(earlier => `, and so does ${earlier.name} before it`).join('')
  return [
    ...findUp(up, removesRows, because).map(place('up')),
    ...(down === undefined ? [] : findDownRun(up, down).map(place('down'))),
  ]
}

/** What is to be said of an `up`. Of one that failed half way only what was wrong with its statements. */
const findUp = ({ recording, failed }: Run, removesRows: readonly string[], because: string) => {
  if (failed === null) {
    return [...findInUp(recording), ...findDeletes(lineagesOf(recording), withoutUndone(recording.steps), removesRows)]
  }
  const last = recording.steps.findLast(({ error }) => error === failed)
  return [finding('HM001', `fails: ${failed}${because}`, last), ...findStatements(recording.steps)]
}

const findDownRun = (up: Run, { recording, failed }: Run) => {
  if (failed === null) return [...findDown(up.recording, recording), ...findInStructure(recording)]
  const last = recording.steps.findLast(({ error }) => error === failed)
  return [finding('HM403', `fails: ${failed}`, last), ...findStatements(recording.steps)]
}

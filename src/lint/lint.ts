import { basename } from 'node:path'
import { lineagesOf } from '../dry-run/lineage.ts'
import { withoutUndone } from '../dry-run/record.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { loadMigrations } from '../migrations/load.ts'
import { makePlan } from '../migrations/plan.ts'
import type { Place } from '../where.ts'
import { findDeletes, findDown, findKeyActions } from './down.ts'
import { findInStructure, findInUp } from './inspect.ts'
import { watchOutside } from './outside.ts'
import { type Rehearsal, type RehearseOptions, type Run, rehearse } from './rehearse.ts'
import { applySuppressions, finding, type Placed, place } from './rules.ts'
import { findStatements } from './statements.ts'

export type Linted = Readonly<{ name: string; findings: readonly Placed[] }>

/**
 * Runs migrations on an empty in-memory database, `up` and `down`, and returns each one's findings that its text does not suppress.
 * @throws Failure CONFIG_INVALID if one cannot be loaded; the signal's reason
 */
export const lint = async (
  files: readonly MigrationFile[],
  options: Omit<RehearseOptions, 'onRun'>,
): Promise<readonly Linted[]> => {
  const outside = watchOutside(files)
  try {
    const rehearsals = await rehearse(await loadMigrations(files, options.signal), {
      ...options,
      onRun: outside.running,
    })
    return files.map(file => {
      const found = [
        ...[...findNumber(file, files), ...outside.findings(file)].map(place(null)),
        ...findRuns(file, rehearsals),
      ]
      const { open, unused } = applySuppressions(found, file.text)
      return { name: file.name, findings: [...open, ...unused] }
    })
  } finally {
    outside.stop()
  }
}

/** HM002: a duplicate or missing number. */
export const findNumber = ({ name }: MigrationFile, known: readonly MigrationFile[]) =>
  makePlan(known, [])
    .conflicts.filter(conflict => conflict.name === name)
    .map(conflict => finding('HM002', conflict.finding, undefined))

const findRuns = ({ name }: MigrationFile, rehearsals: readonly Rehearsal[]): readonly Placed[] => {
  const rehearsal = rehearsals.find(candidate => candidate.name === name)
  if (rehearsal === undefined) {
    return [place(null)(finding('HM001', 'was not run, because an earlier migration ended the program', undefined))]
  }
  const { up, down, removesRows } = rehearsal
  const missing = rehearsals.slice(0, rehearsals.indexOf(rehearsal)).filter(earlier => earlier.up.failed !== null)
  const because = missing.map(earlier => `, and so does ${earlier.name} before it`).join('')
  return [
    ...findUp(up, removesRows, because).map(place('up')),
    ...(down === undefined ? [] : findDownRun(up, down).map(place('down'))),
  ]
}

/** The findings of an `up`; of one that failed, only the failure and its statements. */
const findUp = ({ recording, failed, place }: Run, removesRows: readonly string[], because: string) => {
  if (failed === null) {
    const [lineages, steps] = [lineagesOf(recording), withoutUndone(recording.steps)]
    return [
      ...findInUp(recording),
      ...findDeletes(lineages, steps, removesRows),
      ...findKeyActions(lineages, steps, removesRows),
    ]
  }
  const last = recording.steps.findLast(({ error }) => error === failed)
  return [finding('HM001', `fails${at(place)}: ${failed}${because}`, last, place), ...findStatements(recording.steps)]
}

const findDownRun = (up: Run, { recording, failed, place }: Run) => {
  if (failed === null) return [...findDown(up.recording, recording), ...findInStructure(recording)]
  const last = recording.steps.findLast(({ error }) => error === failed)
  return [finding('HM403', `fails${at(place)}: ${failed}`, last, place), ...findStatements(recording.steps)]
}

const at = (place: Place | undefined): string =>
  place === undefined ? '' : ` at ${basename(place.file)}:${place.line}:${place.column}`

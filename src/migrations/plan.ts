import type { AppliedMigration } from './history.ts'
import type { KnownMigration } from './known.ts'

/** One reason not to run anything. */
export type Conflict = Readonly<{
  code: 'HISTORY_CONFLICT' | 'DATABASE_AHEAD' | 'OUT_OF_ORDER'
  name: string
  /** what was recorded and what is there */
  finding: string
  /** what to do */
  hint: string
}>

export type Plan = Readonly<{ pending: readonly KnownMigration[]; conflicts: readonly Conflict[] }>

/**
 * What to apply, and every reason why nothing may be applied, out of the migrations known (in the image) and applied (in
 * the database), both sorted by name. A pure function.
 */
export const makePlan = (known: readonly KnownMigration[], applied: readonly AppliedMigration[]): Plan => {
  const appliedNames = new Set(applied.map(({ name }) => name))
  const pending = known.filter(({ name }) => !appliedNames.has(name))
  return {
    pending,
    conflicts: [
      ...wrongNumbers(known),
      ...applied.flatMap(migration => changedOrUnknown(migration, known)),
      ...outOfOrder(pending, applied),
    ],
  }
}

const wrongNumbers = (known: readonly KnownMigration[]): readonly Conflict[] =>
  known.flatMap(({ name }, index) => {
    const previous = known[index - 1]?.name
    const expected = previous === undefined ? 1 : numberOf(previous) + 1
    if (numberOf(name) === expected) return []
    const twice = previous !== undefined && numberOf(name) === numberOf(previous)
    return {
      code: 'HISTORY_CONFLICT',
      name,
      finding: twice ? `has the number of ${previous}` : `is number ${numberOf(name)} where ${expected} comes next`,
      hint: twice ? 'Give the newer of the two the next free number.' : 'Put the missing file back, or close the gap.',
    }
  })

const changedOrUnknown = ({ name, checksum }: AppliedMigration, known: readonly KnownMigration[]): Conflict[] => {
  const file = known.find(candidate => candidate.name === name)
  const last = known.at(-1)
  if (file === undefined && last !== undefined && name > last.name) {
    return [
      {
        code: 'DATABASE_AHEAD',
        name,
        finding: `was applied by a newer version; this one ends at ${last.name}`,
        hint: 'Run the newer image, or restore the backup from before it.',
      },
    ]
  }
  if (file === undefined) {
    const hint = 'Put its file back: an applied migration stays in the folder.'
    return [{ code: 'HISTORY_CONFLICT', name, finding: 'was applied, and its file is gone', hint }]
  }
  if (checksum === null || checksum === file.checksum) return []
  return [
    {
      code: 'HISTORY_CONFLICT',
      name,
      finding: `was changed after it was applied: recorded ${checksum}, the file now has ${file.checksum}`,
      hint: `Put the old text back and make the change in a new migration; or, when the schema is the same, "migrator repair ${name}".`,
    },
  ]
}

const outOfOrder = (pending: readonly KnownMigration[], applied: readonly AppliedMigration[]): readonly Conflict[] => {
  const lastApplied = applied.at(-1)?.name
  if (lastApplied === undefined) return []
  return pending
    .filter(({ name }) => name < lastApplied)
    .map(({ name }) => ({
      code: 'OUT_OF_ORDER',
      name,
      finding: `is pending, but ${lastApplied} after it is applied`,
      hint: 'Give it the next free number.',
    }))
}

const numberOf = (name: string): number => Number(name.slice(0, 4))

import type { Reader } from '../engine.ts'
import { Failure } from '../failure.ts'
import type { AppliedMigration } from '../history.ts'
import { listed } from '../listed.ts'
import { hasTime, isMigrationName, type MigrationFile } from './files.ts'

/** One reason not to run anything. */
export type Conflict = Readonly<{
  code: 'HISTORY_CONFLICT' | 'DATABASE_AHEAD' | 'OUT_OF_ORDER'
  name: string
  /** what was recorded and what is there */
  finding: string
  /** what to do */
  hint: string
}>

export type Plan = Readonly<{ pending: readonly MigrationFile[]; conflicts: readonly Conflict[] }>

/** Plans for a database: compares its history with the files, and checks whether another program made it. */
export const readPlan = async (
  reader: Reader,
  files: readonly MigrationFile[],
): Promise<Plan & Readonly<{ applied: readonly AppliedMigration[] }>> => {
  const applied = await reader.history()
  return { applied, ...(await planFor(reader, files, applied)) }
}

/** Like readPlan, for a history that has been read. */
export const planFor = async (
  reader: Reader,
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): Promise<Plan> => {
  const { pending, conflicts } = makePlan(files, applied)
  const strangers = applied.length > 0 ? undefined : await reader.strangersTable()
  return { pending, conflicts: [...madeByOthers(strangers), ...conflicts] }
}

/**
 * Like readPlan.
 * @param path of the database, for messages: the reader may be on a copy
 * @throws Failure as refuseConflicts does
 */
export const planWithoutConflicts = async (
  reader: Reader,
  files: readonly MigrationFile[],
  path: string,
): ReturnType<typeof readPlan> => {
  const plan = await readPlan(reader, files)
  refuseConflicts(plan.conflicts, path)
  return plan
}

const madeByOthers = (table: string | undefined): readonly Conflict[] => {
  if (table === undefined) return []
  return [
    {
      code: 'HISTORY_CONFLICT',
      name: `table ${table}`,
      finding: 'was made by another program, which left no history of migrations',
      hint: 'To take the database over as it is, run `migrator adopt`. Or set DATABASE_URL to another file.',
    },
  ]
}

/** The name of the last applied migration; an empty text if there is none. */
export const headOf = (applied: readonly Readonly<{ name: string }>[]): string => applied.at(-1)?.name ?? ''

/**
 * Returns what to apply, and every reason to apply nothing, from the migrations known (in the image) and applied (in
 * the database), both sorted by name. A pure function.
 */
export const makePlan = (known: readonly MigrationFile[], applied: readonly AppliedMigration[]): Plan => {
  const appliedNames = new Set(applied.map(({ name }) => name))
  const pending = known.filter(({ name }) => !appliedNames.has(name))
  // a newer image may have numbered a file of this one anew
  const isLater = (name: string) => isNewer(name, known) && numberOf(name) > numberOf(headOf(known))
  const without = applied.filter(({ name }) => !isLater(name) && !known.some(file => file.name === name))
  const renamed = pending.filter(file => without.some(({ checksum }) => checksum === file.checksum))
  return {
    pending,
    conflicts: [
      ...wrongNumbers(known),
      ...applied.flatMap(migration => changedOrUnknown(migration, known, isLater(migration.name) ? [] : renamed)),
      ...outOfOrder(
        pending.filter(file => !renamed.includes(file)),
        applied.filter(migration => !isFromOtherTool(migration, known)),
      ),
    ],
  }
}

/**
 * Throws all conflicts as one, with the code of the worst.
 * @throws Failure HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER
 */
export const refuseConflicts = (conflicts: readonly Conflict[], path: string): void => {
  const codes = ['HISTORY_CONFLICT', 'DATABASE_AHEAD', 'OUT_OF_ORDER'] as const
  const code = codes.find(candidate => conflicts.some(conflict => conflict.code === candidate))
  if (code === undefined) return
  const findings = conflicts.map(({ name, finding }) => `${name} ${finding}`)
  const hints = new Set(conflicts.map(({ hint }) => hint))
  throw new Failure(code, `${path} and the migrations disagree: ${listed(findings, '; ')}`, listed([...hints], ' '))
}

/** @throws Failure CONFIG_INVALID if migrations after `to` are applied: `up` reverts none */
export const refuseBeyond = (to: string | undefined, head: string, database: string): void => {
  if (to === undefined || head <= to) return
  const hint = `Nothing was changed. To undo the later ones, run \`migrator down --to ${to}\`.`
  throw new Failure('CONFIG_INVALID', `${database} is already past ${to}: it is at ${head}`, hint)
}

/** Names with a time have no numbers, and no gaps. */
const wrongNumbers = (known: readonly MigrationFile[]): readonly Conflict[] =>
  known.flatMap(({ name, file }, index) => {
    const previous = known[index - 1]
    if (previous?.name === name) return [twoFiles(name, [previous.file, file])]
    const expected = previous === undefined ? 1 : numberOf(previous.name) + 1
    if (hasTime(name) || numberOf(name) === expected) return []
    const twice = previous !== undefined && numberOf(name) === numberOf(previous.name)
    return {
      code: 'HISTORY_CONFLICT',
      name,
      finding: twice ? `has the number of ${previous.name}` : `has a gap before it: ${expected} is missing`,
      hint: twice ? 'Give the newer one the next free number.' : 'Put the missing file back, or close the gap.',
    }
  })

const twoFiles = (name: string, files: readonly string[]): Conflict => ({
  code: 'HISTORY_CONFLICT',
  name,
  finding: `has two files: ${files.join(' and ')}`,
  hint: 'Remove the one that was not applied: the extension is not part of the name.',
})

/**
 * Whether another tool wrote a row of the history: it has no checksum and none of our names. A valid name after our
 * last one is a newer version's, whichever tool applied it.
 */
export const isFromOtherTool = ({ name, checksum }: AppliedMigration, known: readonly MigrationFile[]): boolean =>
  checksum === null && !known.some(candidate => candidate.name === name) && !isNewer(name, known)

/** Whether a file was changed after it was applied; false without a checksum, as other tools record none. */
export const isChanged = ({ checksum }: AppliedMigration, file: MigrationFile): boolean =>
  checksum !== null && checksum !== file.checksum

const isNewer = (name: string, known: readonly MigrationFile[]): boolean =>
  isMigrationName(name) && hasTime(name) === hasTime(headOf(known)) && known.every(candidate => candidate.name < name)

const changedOrUnknown = (
  migration: AppliedMigration,
  known: readonly MigrationFile[],
  renamed: readonly MigrationFile[],
): Conflict[] => {
  const { name, checksum } = migration
  const file = known.find(candidate => candidate.name === name)
  const now = file ?? renamed.find(candidate => candidate.checksum === checksum)
  if (now !== file) {
    const hint = 'Give the file its old name back: an applied migration keeps its name.'
    return [{ code: 'HISTORY_CONFLICT', name, finding: `was renamed to ${now?.name} after it was applied`, hint }]
  }
  if (isNewer(name, known)) {
    return [
      {
        code: 'DATABASE_AHEAD',
        name,
        finding: 'was applied by a newer version',
        hint: `This version ends at ${headOf(known)}. Run the newer one, or restore a backup from before it: \`migrator backups\`.`,
      },
    ]
  }
  if (isFromOtherTool(migration, known)) {
    const hint = 'To take over what another tool made, run `migrator adopt`. Or put the file back.'
    return [{ code: 'HISTORY_CONFLICT', name, finding: 'was applied by another tool', hint }]
  }
  if (file === undefined) {
    const hint = 'Put its file back: an applied migration stays in the folder.'
    return [{ code: 'HISTORY_CONFLICT', name, finding: 'was applied, but its file is gone', hint }]
  }
  if (!isChanged(migration, file)) return []
  return [
    {
      code: 'HISTORY_CONFLICT',
      name,
      finding: 'was changed after it was applied',
      hint: `Put the old text back, and make the change in a new migration. If both make the same schema, run \`migrator repair ${name}\`.`,
    },
  ]
}

const outOfOrder = (pending: readonly MigrationFile[], applied: readonly AppliedMigration[]): readonly Conflict[] => {
  const lastApplied = applied.at(-1)?.name
  if (lastApplied === undefined) return []
  return pending
    .filter(({ name }) => name < lastApplied)
    .map(({ name }) => ({
      code: 'OUT_OF_ORDER',
      name,
      finding: `is pending, but comes before ${lastApplied}, which is applied`,
      hint: 'Give it the next free number.',
    }))
}

export const numberOf = (name: string): number => Number(name.slice(0, 4))

import { differ, type Finding } from '../database/finding.ts'
import type { Failure, FailureCode } from '../failure.ts'
import type { KnownMigration } from '../migrations/known.ts'
import type { Conflict } from '../migrations/plan.ts'
import type { Marker } from '../ready/marker.ts'
import { type Truth, untrueFields } from '../ready/truth.ts'

export const checks = ['damage', 'foreign keys', 'history', 'structure', 'marker'] as const
export type Check = (typeof checks)[number]

/** A finding of one check. */
export type Judged = Finding &
  Readonly<{
    check: Check
    /** of a difference; null for what does no harm */
    code: FailureCode | null
    /** what to do about it; null where there is nothing to do */
    hint: string | null
  }>

/** Gives each difference its code and what to do about it; what is no difference has neither. */
export const judge = (check: Check, code: FailureCode, hint: string, findings: readonly Finding[]): readonly Judged[] =>
  findings.map(finding =>
    finding.weight === 'difference' ? { check, code, ...finding, hint } : { check, code: null, ...finding, hint: null },
  )

/** @param failure the one that shows the damage */
export const judgeDamage = (database: string, { code, hint, message }: Failure): readonly Judged[] =>
  judge('damage', code, hint, differ('difference', database, 'damage', null, message))

/** Conflicts are differences; pending migrations are told, and are none. */
export const judgeHistory = (conflicts: readonly Conflict[], pending: readonly KnownMigration[]): readonly Judged[] => [
  ...conflicts.flatMap(({ code, name, finding, hint }) =>
    judge('history', code, hint, differ('difference', name, 'history', null, finding)),
  ),
  ...pending.map(
    ({ name: object }): Judged => ({
      check: 'history',
      code: null,
      weight: 'information',
      object,
      what: 'pending',
      expected: null,
      found: null,
      hint: null,
    }),
  ),
]

/** A marker that is missing, and one that is not true, both mean that the volume is not ready. */
export const judgeMarker = (marker: Marker | undefined, truth: Truth): readonly Judged[] => {
  const object = 'ready marker'
  const findings =
    marker === undefined
      ? differ('difference', object, 'missing', 'a true one', null)
      : untrueFields(marker, truth).flatMap(field =>
          differ('difference', object, field, String(truth[field]), String(marker[field])),
        )
  return judge('marker', 'NOT_READY', 'Run "migrator up".', findings)
}

/** Where there is no database, and nothing shows that there ever was one. */
export const judgeAbsence = (database: string): readonly Judged[] =>
  judge('marker', 'NOT_READY', 'Run "migrator up".', differ('difference', database, 'missing', 'a database', null))

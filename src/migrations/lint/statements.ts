import { keywordOf } from '../../database/bridge.ts'
import type { Step } from '../recorder.ts'
import { type Finding, finding } from './finding.ts'

/** Statements that end, or reach outside of, what the migrator holds around migrations. */
const outsideKeyword = /^(?:COMMIT|END|ROLLBACK|ATTACH|DETACH|VACUUM|PRAGMA)$/

/** Settings that are stored in the database, and the one that a rebuild needs. */
const storedSetting = /\b(?:user_version|application_id|legacy_alter_table)\b/i

/** Whether lint lets a migration go on after this statement failed, to see the rest of it. */
export const isRefused = (sql: string): boolean => outsideKeyword.test(keywordOf(sql))

/** HM201, HM202: statements that the migrator refuses, and settings that do not last. */
export const findStatements = (steps: readonly Step[]): readonly Finding[] =>
  steps.flatMap(step => {
    if (!isRefused(step.sql)) return []
    if (step.error !== null) return finding('HM201', `runs ${step.sql}`, step)
    const lasts = keywordOf(step.sql) !== 'PRAGMA' || storedSetting.test(step.sql)
    return lasts ? [] : finding('HM202', `sets ${step.sql}`, step)
  })

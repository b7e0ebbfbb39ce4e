import { backupFolder, listBackups } from '../database/backups.ts'
import { inspectByHelper } from '../database/check-database.ts'
import { Failure } from '../failure.ts'
import type { Context } from './context.ts'
import { helperOf } from './helper-of.ts'

/**
 * A failure that tells of damage, with what to do about it: the newest backup that is sound, and the command that restores it.
 * Each backup is read for that, the newest first.
 */
export const explainDamage = async (failure: Failure, context: Context): Promise<Failure> => {
  const { database } = context.config
  const helper = helperOf(context)
  const backups = listBackups(database).toReversed()
  for (const { file, madeAt } of backups) {
    // a backup that cannot be read is no good one either
    const good = await inspectByHelper(file, 'quick_check', helper).then(
      ({ findings }) => findings.length === 0,
      () => false,
    )
    if (!good) continue
    const hint = `It was not touched. The newest good backup is of ${madeAt}: "migrator restore ${file}" puts it in place.`
    return new Failure(failure.code, failure.message, hint, failure.cause)
  }
  const none = backups.length === 0 ? 'There is no backup' : `None of ${backups.length} backups is good`
  const hint = `It was not touched. ${none} in ${backupFolder(database)}: restore one of your own, or move the file away to start anew.`
  return new Failure(failure.code, failure.message, hint, failure.cause)
}

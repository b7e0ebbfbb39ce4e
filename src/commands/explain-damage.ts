import { backupFolder, listBackups } from '../database/backups.ts'
import { inspectByHelper } from '../database/check-database.ts'
import { Failure } from '../failure.ts'
import type { Context } from './context.ts'
import { checkOf, helperOf } from './helper-of.ts'

/**
 * A failure that tells of damage, with what to do about it: the newest backup that is sound, and the command that restores it.
 * Each backup is read for that, the newest first.
 */
export const explainDamage = async (failure: Failure, context: Context): Promise<Failure> => {
  const { code, message, hint, cause } = failure
  return new Failure(code, message, `${hint} ${await remedy(context)}`, cause)
}

const remedy = async (context: Context): Promise<string> => {
  const { config } = context
  const backups = listBackups(config.database).toReversed()
  for (const { file, madeAt } of backups) {
    // a backup that cannot be read is no good one either
    const good = await inspectByHelper(file, checkOf(config), helperOf(context)).then(
      ({ findings }) => findings.length === 0,
      () => false,
    )
    if (good) return `The newest good backup is of ${madeAt}: "migrator restore --yes ${quote(file)}" puts it in place.`
  }
  const folder = backupFolder(config.database)
  const none = backups.length === 0 ? 'There is no backup' : `None of ${backups.length} backups is good`
  return `${none} in ${folder}: one of your own is put in place by "migrator restore".`
}

/** For a shell. */
const quote = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

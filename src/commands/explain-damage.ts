import { backupFolder, listBackups, listReplaced } from '../database/backups.ts'
import { inspectByHelper } from '../database/check-database.ts'
import { Failure } from '../failure.ts'
import { forShell } from '../for-shell.ts'
import { sizeOf } from '../size-of.ts'
import type { Context } from './context.ts'
import { checkOf, helperOf } from './helper-of.ts'

/**
 * A failure that tells of damage, with what to do about it: the newest backup that is sound, or else what a restore replaced, and
 * the command that puts it in place. Each is read for that, the newest first.
 */
export const explainDamage = async (failure: Failure, context: Context): Promise<Failure> => {
  const { code, message, hint, cause } = failure
  return new Failure(code, message, `${hint} ${await remedy(context)}`, cause)
}

const remedy = async (context: Context): Promise<string> => {
  const { database } = context.config
  const backups = listBackups(database).toReversed()
  for (const { file, madeAt } of backups)
    if (await isGood(context, file)) return `The newest good backup is of ${madeAt}: ${puts(file)}.`
  const folder = backupFolder(database)
  const none = `${backups.length === 0 ? 'There is no backup' : `None of ${backups.length} backups is good`} in ${folder}`
  for (const file of listReplaced(database).toReversed())
    if (await isGood(context, file)) return `${none}, but what a restore replaced is good: ${puts(file)}.`
  return `${none}: one of your own is put in place by "migrator restore FILE".`
}

/** What cannot be read is not good either, nor is what is empty, which to SQLite is sound. */
const isGood = async (context: Context, file: string): Promise<boolean> =>
  sizeOf(file) > 0 &&
  inspectByHelper(file, checkOf(context.config), helperOf(context)).then(
    ({ findings }) => findings.length === 0,
    () => false,
  )

const puts = (file: string): string => `"migrator restore --yes ${forShell(file)}" puts it in place`

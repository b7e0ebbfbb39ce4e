import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { backupFolder, listBackups } from '../database/backups.ts'
import { refuseDamage } from '../database/check-database.ts'
import { copyByHelper } from '../database/copy.ts'
import { replaceDatabase } from '../database/replace-database.ts'
import { Failure } from '../failure.ts'
import { readMigrationTexts } from '../migrations/files.ts'
import { readHistory } from '../migrations/history.ts'
import { toKnown } from '../migrations/known.ts'
import { makePlan } from '../migrations/plan.ts'
import { markReady } from '../ready/mark-ready.ts'
import { withdrawMarker } from '../ready/marker.ts'
import { checkVolume } from '../volume/check-volume.ts'
import { withPartialFolder } from '../volume/partial-folder.ts'
import { refuseShortRoom } from '../volume/room.ts'
import { sameOwner } from '../volume/same-owner.ts'
import { confirm } from './confirm.ts'
import type { Context } from './context.ts'
import { checkOf, helperOf } from './helper-of.ts'
import { withDatabase } from './with-database.ts'

/**
 * Puts a copy of a backup in the place of the database. What it replaces is kept beside it, the backup stays where it is.
 * Nobody may have the database open. Then the marker is made true again.
 * @param file a path, or the name of a backup; undefined for the newest, with `latest`
 * @throws Failure CONFIG_INVALID for no such file and where nobody says yes; DATABASE_DAMAGED naming the backup; DATABASE_BUSY;
 *   DISK_FULL; what checkVolume throws
 */
export const restore = async (
  context: Context,
  file: string | undefined,
  { latest, yes }: Readonly<{ latest: boolean; yes: boolean }>,
): Promise<void> => {
  const { config, host, log } = context
  const { database, volume } = config
  checkVolume(config, host)
  const backup = chooseBackup(database, file, latest)
  const check = checkOf(config)
  await confirm(context, yes, `${backup} takes the place of ${database}; what is there is kept`)
  refuseShortRoom([{ what: 'copy of the backup', folder: volume, bytes: statSync(backup).size, files: 4 }])
  const replaced = await withPartialFolder(volume, async partials => {
    const partial = join(partials, basename(database))
    refuseDamage(backup, await copyByHelper('the restored database', backup, partial, check, helperOf(context)))
    sameOwner(partial, backup)
    return replaceDatabase(database, partial, () => withdrawMarker(config.readyFile))
  })
  const kept = replaced === undefined ? '' : `; what was there is ${replaced}`
  log.info('restore.done', `restored ${database} from ${backup}${kept}`, { file: backup, replaced: replaced ?? null })
  await markRestored(context)
}

const chooseBackup = (database: string, file: string | undefined, latest: boolean): string => {
  const newest = listBackups(database).at(-1)?.file
  const inFolder = join(backupFolder(database), file ?? '')
  const hint = 'Name one that "migrator backups" lists, or say --latest.'
  if ((file === undefined) !== latest) throw new Failure('CONFIG_INVALID', 'which backup is not said', hint)
  const chosen = file === undefined ? newest : dirname(file) === '.' && existsSync(inFolder) ? inFolder : resolve(file)
  if (chosen === undefined)
    throw new Failure('CONFIG_INVALID', `there is no backup in ${backupFolder(database)}`, 'Name a file of your own.')
  if (!statSync(chosen, { throwIfNoEntry: false })?.isFile())
    throw new Failure('CONFIG_INVALID', `there is no backup ${chosen}`, hint)
  if (chosen === database) throw new Failure('CONFIG_INVALID', `${chosen} is the database itself`, hint)
  return chosen
}

/** The marker is true of what was restored; where that is not what this image makes, `up` has to run. */
const markRestored = async (context: Context): Promise<void> => {
  const { config, log, version } = context
  const texts = readMigrationTexts(config.migrations)
  await withDatabase(context, config.database, async connection => {
    const { pending, conflicts } = makePlan(texts.map(toKnown), readHistory(connection))
    const checkedAt = new Date().toISOString()
    if (conflicts.length === 0) markReady(connection, config.readyFile, texts, { version, checkedAt })
    if (conflicts.length > 0 || pending.length > 0)
      log.warn('restore.not-ready', `${config.database} is not at the schema of this image: run "migrator up"`)
  })
}

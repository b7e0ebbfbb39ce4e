import { basename, dirname, join, resolve } from 'node:path'
import { backupFolder, listBackups, listReplaced, replacedNames, replacedPrefix } from '../backup/backups.ts'
import { keepUnfinished } from '../backup/protect.ts'
import { type Context, confirm } from '../context.ts'
import { attempt, Failure, forShell } from '../failure.ts'
import { chmodSync, existsSync, realpathSync, statSync } from '../fs.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { readPlan } from '../migrations/plan.ts'
import { refuseOthersMarker, withdrawMarker } from '../ready/marker.ts'
import { markReady, notMarked } from '../ready/readiness.ts'
import { checkFileByHelper, checkOf, refuseDamage } from '../sqlite/check.ts'
import { copyByHelper, setRollbackJournal } from '../sqlite/copy.ts'
import { helperOf } from '../sqlite/helper.ts'
import { replaceDatabase } from '../sqlite/replace.ts'
import { withDatabase } from '../sqlite/transaction.ts'
import { formatTime } from '../text.ts'
import { sameOwner, shareWithGroup, sizeOf } from '../volume/files.ts'
import { removePartialFolders, withPartialFolder } from '../volume/folders.ts'
import { keepAcl } from '../volume/keep-acl.ts'
import { filesystemOf } from '../volume/mounts.ts'
import { requireSpace } from '../volume/space.ts'
import { probeFolderOf } from '../volume/volume.ts'

/**
 * Replaces the database with a copy of a backup. Keeps the replaced files beside it and leaves the backup where it is. No program
 * may have the database open. Rewrites the ready marker afterwards.
 * @param file a path, or the name of a backup or of a file a restore replaced; undefined for the newest, with `latest`
 * @throws Failure CONFIG_INVALID if there is no such file or no confirmation; DATABASE_DAMAGED naming the backup; DATABASE_BUSY;
 *   DISK_FULL; what requireVolume throws
 */
export const restore = async (
  context: Context,
  file: string | undefined,
  { latest, yes }: Readonly<{ latest: boolean; yes: boolean }>,
): Promise<void> => {
  const { config, engine, host, log } = context
  const { database, volume } = config
  await engine.validate('write')
  refuseOthersMarker(config)
  const backup = chooseBackup(database, file, latest)
  const texts = readMigrationFiles(config.migrations)
  const check = checkOf(config)
  await confirm(
    context,
    yes,
    `${basename(backup)} will replace ${database}, which is kept beside it. The hub must be stopped`,
  )
  removePartialFolders(volume, database, false)
  requireSpace([{ what: 'copy of the backup', folder: volume, bytes: statSync(backup).size, files: 4 }])
  const isLost = !existsSync(database)
  const replaced = await withPartialFolder(volume, database, async partials => {
    const partial = join(partials, basename(database))
    probeFolderOf(partial)
    refuseDamage(backup, await copyByHelper('the restored database', backup, partial, check, helperOf(context)))
    // WAL needs memory shared by every process that opens the database; these filesystems may not provide it
    if (filesystemOf(host.mounts, volume).kind === 'shared') setRollbackJournal(partial)
    sameOwner(partial, isLost ? backup : database)
    // the backup, and so its copy, may be read-only
    if (isLost) attempt(() => chmodSync(partial, statSync(partial).mode | 0o600))
    else keepAcl(partial, database)
    return replaceDatabase(database, partial, replacedNames(database), () => {
      keepUnfinished(database)
      return withdrawMarker(config.readyFile)
    })
  })
  if (isLost) shareWithGroup(database)
  const kept = replaced === undefined ? '' : `; what was there is ${replaced}`
  log.info('restore.done', `restored ${database} from ${backup}${kept}`, { file: backup, replaced: replaced ?? null })
  await markRestored(context, texts).catch(error => {
    throw notMarked(error, engine)
  })
}

const chooseBackup = (database: string, file: string | undefined, latest: boolean): string => {
  const hint = 'Give one that `migrator backups` lists, or --latest.'
  if (file === undefined && !latest) throw new Failure('CONFIG_INVALID', 'no backup was named', hint)
  if (file !== undefined && latest)
    throw new Failure('CONFIG_INVALID', `${file} and --latest cannot both be given`, 'Say one of them.')
  const chosen = file === undefined ? listBackups(database).at(-1)?.file : inVolume(database, file)
  if (chosen === undefined)
    throw new Failure(
      'CONFIG_INVALID',
      `there is no backup in ${backupFolder(database)}`,
      'Give the path of a file, as in `migrator restore /app/data/copy.db`.',
    )
  if (!statSync(chosen, { throwIfNoEntry: false })?.isFile())
    throw new Failure('CONFIG_INVALID', `there is no backup ${chosen}`, hint)
  if (existsSync(database) && isSameFile(chosen, database))
    throw new Failure('CONFIG_INVALID', `${chosen} is the database itself`, hint)
  // SQLite names a WAL after the file itself, not after a link to it
  return realpathSync(chosen)
}

/** Resolves a bare name in the backup folder, or beside the database for a file a restore replaced; anything else is a path. */
const inVolume = (database: string, file: string): string => {
  const folders = [backupFolder(database), ...(file.startsWith(replacedPrefix(database)) ? [dirname(database)] : [])]
  const paths = basename(file) === file ? folders.map(folder => join(folder, file)) : []
  return paths.find(path => existsSync(path)) ?? resolve(file)
}

const isSameFile = (one: string, other: string): boolean => {
  const [a, b] = [statSync(one), statSync(other)]
  return a.dev === b.dev && a.ino === b.ino
}

/** Writes the marker unless the history conflicts, and warns if the restored schema is not this image's. */
const markRestored = async (context: Context, texts: readonly MigrationFile[]): Promise<void> => {
  const { config, log, version } = context
  const { database } = config
  await withDatabase(context, database, async transaction => {
    const { pending, conflicts } = await readPlan(transaction, texts)
    const checkedAt = new Date().toISOString()
    if (conflicts.length === 0) await markReady(transaction, config, texts, { version, checkedAt })
    const next = conflicts.length > 0 ? 'see `migrator status`' : 'run `migrator up`'
    if (conflicts.length > 0 || pending.length > 0)
      log.warn('restore.not-ready', `${database} is not at the schema of this image: ${next}`)
  })
}

/**
 * Adds to a failure's hint the command that restores the newest good backup, or else the newest good file a restore replaced.
 * Checks each file for damage, newest first.
 */
export const explainDamage = async (failure: Failure, context: Context): Promise<Failure> => {
  const { code, message, hint, cause } = failure
  return new Failure(code, message, `${await remedy(context)} ${hint}`, cause)
}

const remedy = async (context: Context): Promise<string> => {
  const { database } = context.config
  const backups = listBackups(database).toReversed()
  for (const { file, madeAt } of backups)
    if (await isGood(context, file))
      return `${restoring(file)}, which brings back the newest good backup, of ${formatTime(madeAt)} UTC.`
  const none = backups.length === 0 ? 'There is no backup' : 'No backup is good'
  for (const file of listReplaced(database).toReversed())
    if (await isGood(context, file)) return `${restoring(file)}, which brings back what a restore replaced. ${none}.`
  return `${none}. If you have a copy elsewhere, run \`migrator restore FILE\`.`
}

/** An unreadable file is not good, nor is an empty one, which SQLite would accept as a new database. */
const isGood = async (context: Context, file: string): Promise<boolean> =>
  sizeOf(file) > 0 &&
  checkFileByHelper(file, checkOf(context.config), helperOf(context)).then(
    ({ findings }) => findings.length === 0,
    () => false,
  )

/** By the name alone, which is looked for where backups and replaced databases are. */
const restoring = (file: string): string =>
  `With the hub stopped, run \`migrator restore --yes ${forShell(basename(file))}\``

import { basename } from 'node:path'
import { type Backup, backupFolder, listBackups } from '../backup/backups.ts'
import { type Context, confirm } from '../context.ts'
import { Failure } from '../failure.ts'
import { statSync } from '../fs.ts'
import { filesOf, findLeftovers, leftoversText, replacedDatabases } from '../leftovers/leftovers.ts'
import { type Screen, withCommand } from '../log.ts'
import { requireDatabase } from '../ready/lost.ts'
import { formatBytes, formatThings, formatTime, headedTable, listed } from '../text.ts'
import { removeFile } from '../volume/files.ts'
import { requireFolder } from '../volume/volume.ts'

/**
 * Shows the backups, oldest first, and to a person what else is left on the volume. Reads only.
 * @throws Failure VOLUME_MISSING
 */
export const backups = ({ config, host, print, screen }: Context, { json }: Readonly<{ json: boolean }>): void => {
  requireFolder(config.volume, host)
  const found = listBackups(config.database).map(backup => ({ ...backup, bytes: statSync(backup.file).size }))
  if (json) print(`${JSON.stringify(found)}\n`)
  else {
    const left = leftoversText(findLeftovers(config), screen)
    const text = backupsText(backupFolder(config.database), found, screen) + left.map(line => `\n${line}`).join('')
    print(withCommand(left.length > 0 ? `${text}\n` : text, config.command))
  }
}

const backupsText = (folder: string, found: readonly (Backup & { bytes: number })[], screen: Screen): string => {
  if (found.length === 0) return `no backups in ${folder}\n`
  const rows = found
    .slice(-20)
    .map(({ file, schema, madeAt, bytes }) => [...[basename(file), schema, formatTime(madeAt)], formatBytes(bytes)])
  const more = found.length > 20 ? [`  and ${found.length - 20} older ones, with --json`] : []
  const table = headedTable(screen, ['backup', 'at migration', 'made (UTC)', 'size'], rows)
  return `${formatThings(found.length, 'backup')} in ${folder}\n\n${[...table, ...more].join('\n')}\n`
}

/**
 * Removes the databases that restores replaced, after a question.
 * @throws Failure CONFIG_INVALID without confirmation, or where there is no database, DATABASE_DAMAGED where it is lost: one of
 *   these may be all that is left of it; what requireVolume throws
 */
export const pruneReplaced = async (context: Context, yes: boolean): Promise<void> => {
  const { config, engine, log } = context
  await engine.validate('write')
  await requireDatabase(engine, config)
  const found = replacedDatabases(config.database)
  const files = found.map(({ file }) => file)
  const bytes = found.reduce((sum, replaced) => sum + replaced.bytes, 0)
  if (found.length > 0) {
    const what = `${listed(files.map(file => basename(file)))} will be removed, ${formatBytes(bytes)}`
    await confirm(context, yes, what)
    for (const file of files.flatMap(filesOf)) removeFile(file)
  }
  const done =
    found.length === 0
      ? 'nothing to remove'
      : `removed ${formatThings(files.length, 'replaced database')}, ${formatBytes(bytes)}`
  log.info('backups.pruned', done, { files, bytes })
}

/** @throws Failure CONFIG_INVALID for any word but `prune` */
export const requirePrune = (word: string): void => {
  if (word !== 'prune')
    throw new Failure('CONFIG_INVALID', `there is no command "backups ${word}"`, 'Run `migrator backups prune`.')
}

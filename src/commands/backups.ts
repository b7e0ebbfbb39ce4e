import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { type Backup, backupFolder, listBackups } from '../backup/backups.ts'
import type { Context } from '../context.ts'
import type { Screen } from '../log.ts'
import { formatBytes, formatThings, formatTime, headedTable } from '../text.ts'
import { requireFolder } from '../volume/volume.ts'

/** Shows the backups, oldest first. Reads only. @throws Failure VOLUME_MISSING */
export const backups = ({ config, host, print, screen }: Context, { json }: Readonly<{ json: boolean }>): void => {
  requireFolder(config.volume, host)
  const found = listBackups(config.database).map(backup => ({ ...backup, bytes: statSync(backup.file).size }))
  print(json ? `${JSON.stringify(found)}\n` : backupsText(backupFolder(config.database), found, screen))
}

const backupsText = (folder: string, found: readonly (Backup & { bytes: number })[], screen: Screen): string => {
  if (found.length === 0) return `no backups in ${folder}\n`
  const rows = found.map(({ file, schema, madeAt, bytes }) => [
    ...[basename(file), schema, formatTime(madeAt)],
    formatBytes(bytes),
  ])
  const table = headedTable(screen, ['backup', 'at migration', 'made (UTC)', 'size'], rows)
  return `${formatThings(found.length, 'backup')} in ${folder}\n\n${table.join('\n')}\n`
}

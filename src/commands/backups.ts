import { statSync } from 'node:fs'
import { backupFolder, listBackups } from '../database/backups.ts'
import { formatBytes, textTable } from '../text-table.ts'
import { refuseMissingVolume } from '../volume/check-volume.ts'
import type { Context } from './context.ts'

/** Shows the backups, oldest first. Reads only. @throws Failure VOLUME_MISSING */
export const backups = ({ config, host, print }: Context, { json }: Readonly<{ json: boolean }>): void => {
  refuseMissingVolume(config.volume, host)
  const found = listBackups(config.database).map(backup => ({ ...backup, bytes: statSync(backup.file).size }))
  const rows = found.map(({ file, schema, madeAt, bytes }) => [file, schema, madeAt, formatBytes(bytes)])
  const lines = found.length === 0 ? [`no backups in ${backupFolder(config.database)}`] : textTable(rows)
  print(`${json ? JSON.stringify(found) : lines.join('\n')}\n`)
}

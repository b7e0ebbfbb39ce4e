import { lstatSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { attempt } from '../attempt.ts'
import type { Config } from '../config.ts'
import { Failure } from '../failure.ts'

/**
 * The settings with a database path that is no symbolic link any more: SQLite names -wal and -journal after the file itself.
 * @throws Failure CONFIG_INVALID when the link leaves its folder, or leads nowhere: the data would not be where its volume is
 */
export const followLink = (config: Config): Config => {
  const { database, volume } = config
  const isLink = attempt(() => lstatSync(database, { throwIfNoEntry: false })?.isSymbolicLink() === true)
  // a folder that cannot be read is told of by checkVolume
  if (!('value' in isLink && isLink.value)) return config
  const target = attempt(() => realpathSync(database))
  if ('value' in target && dirname(target.value) === realpathSync(volume))
    return { ...config, database: join(volume, basename(target.value)) }
  const where = 'value' in target ? `to ${target.value}, which is not beside it` : 'that leads nowhere'
  throw new Failure(
    'CONFIG_INVALID',
    `the database ${database} is a link ${where}`,
    'Mount the volume where the database itself is, and name that file with DATABASE_URL.',
  )
}

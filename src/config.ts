import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Failure } from './failure.ts'
import { type LogFormat, type LogLevel, logLevels } from './log.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What the settings come from, as plain values: only main.ts asks the process for them. */
export type Surroundings = Readonly<{
  environment: Environment
  /** relative paths start here, and `.env` is looked for here */
  workingFolder: string
  /** the folder of package.json, where the default database and migrations are */
  root: string
  /** a person reads the log on a terminal */
  terminal: boolean
}>

/** Every setting, checked; paths are absolute. */
export type Config = Readonly<{
  database: string
  volume: string
  migrations: string
  requireMount: 'auto' | 'always' | 'never'
  readyFile: string
  /** seconds to wait for another writer */
  lockTimeout: number
  backup: 'auto' | 'never'
  /** how many backups stay; at least 1 */
  backupKeep: number
  check: 'auto' | 'always' | 'never'
  logFormat: LogFormat
  logLevel: LogLevel
}>

export const settingNames = [
  'DATABASE_URL',
  'MIGRATOR_MIGRATIONS',
  'MIGRATOR_REQUIRE_MOUNT',
  'MIGRATOR_READY_FILE',
  'MIGRATOR_LOCK_TIMEOUT',
  'MIGRATOR_BACKUP',
  'MIGRATOR_BACKUP_KEEP',
  'MIGRATOR_CHECK',
  'MIGRATOR_LOG_FORMAT',
  'MIGRATOR_LOG_LEVEL',
] as const
type SettingName = (typeof settingNames)[number]

/**
 * The settings from the environment, or where it is silent from `.env`, or else the defaults.
 * @throws Failure CONFIG_INVALID naming the setting that makes no sense, or a MIGRATOR_ name that does not exist
 */
export const readConfig = async (surroundings: Surroundings): Promise<Config> => {
  const { workingFolder, root, terminal } = surroundings
  const settings = { ...(await readDotenv(join(workingFolder, '.env'))), ...surroundings.environment }
  await refuseUnknownNames(settings)
  /** An empty value counts as not set: Compose passes `${UNSET}` on as an empty string. */
  const text = (name: SettingName): string | undefined => settings[name] || undefined
  const path = (name: SettingName): string | undefined => {
    const value = text(name)
    return value === undefined ? undefined : resolve(workingFolder, value)
  }
  const oneOf = <const T extends string>(name: SettingName, words: readonly [T, ...T[]]): T => {
    const value = text(name)
    const word = value === undefined ? words[0] : words.find(candidate => candidate === value)
    if (word === undefined) throw invalid(name, value, `It is one of ${words.join(', ')}.`)
    return word
  }
  const wholeNumber = (name: SettingName, fallback: number, least: number, most: number, unit: string): number => {
    const value = text(name) ?? String(fallback)
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
    if (!(number >= least && number <= most)) {
      throw invalid(name, value, `It is a whole number of ${unit} from ${least} to ${most}.`)
    }
    return number
  }

  const url = text('DATABASE_URL')
  const database = url === undefined ? join(root, 'data', 'homelab.db') : resolve(workingFolder, databasePath(url))
  const volume = dirname(database)
  return {
    database,
    volume,
    migrations: path('MIGRATOR_MIGRATIONS') ?? join(root, 'migrations'),
    requireMount: oneOf('MIGRATOR_REQUIRE_MOUNT', ['auto', 'always', 'never']),
    readyFile: path('MIGRATOR_READY_FILE') ?? join(volume, '.ready'),
    lockTimeout: wholeNumber('MIGRATOR_LOCK_TIMEOUT', 60, 0, 86_400, 'seconds'),
    backup: oneOf('MIGRATOR_BACKUP', ['auto', 'never']),
    backupKeep: wholeNumber('MIGRATOR_BACKUP_KEEP', 3, 1, 1000, 'backups'),
    check: oneOf('MIGRATOR_CHECK', ['auto', 'always', 'never']),
    logFormat: toLogFormat(oneOf('MIGRATOR_LOG_FORMAT', ['auto', 'text', 'json']), terminal),
    logLevel: text('MIGRATOR_LOG_LEVEL') === undefined ? 'info' : oneOf('MIGRATOR_LOG_LEVEL', logLevels),
  }
}

/** What MIGRATOR_LOG_FORMAT means; anything but `text` and `json` leaves it to whether a person looks. */
export const toLogFormat = (setting: string | undefined, terminal: boolean): LogFormat => {
  if (setting === 'text' || setting === 'json') return setting
  return terminal ? 'text' : 'json'
}

/** dotenv is loaded only where there is something for it to read. */
const readDotenv = async (file: string): Promise<Environment> => {
  if (!existsSync(file)) return {}
  const { parse } = await import('dotenv')
  try {
    return parse(readFileSync(file))
  } catch (cause) {
    throw new Failure('CONFIG_INVALID', `${file} cannot be read`, 'Make it a readable file, or remove it.', cause)
  }
}

const refuseUnknownNames = async (settings: Environment): Promise<void> => {
  const known: readonly string[] = settingNames
  const unknown = Object.keys(settings).find(name => name.startsWith('MIGRATOR_') && !known.includes(name))
  if (unknown === undefined) return
  const { didYouMean } = await import('./text.ts')
  const reason = `${unknown} is not a setting${didYouMean(unknown, settingNames)}`
  const hint = `The settings are ${settingNames.join(', ')}.`
  throw new Failure('CONFIG_INVALID', reason, hint)
}

/** `sqlite:PATH`, `sqlite:///ABSOLUTE` and SQLAlchemy's `sqlite:////ABSOLUTE`. */
const databasePath = (url: string): string => {
  const path = /^sqlite:(?<path>[^?]+)$/.exec(url)?.groups?.path?.replace(/^\/\/\/\/?(?!\/)/, '/')
  if (path === undefined || path.startsWith('//') || path.startsWith(':') || path.endsWith('/')) {
    throw invalid('DATABASE_URL', url, 'It is sqlite:PATH of a database file, such as sqlite:/app/data/homelab.db.')
  }
  return path
}

const invalid = (name: SettingName, value: string | undefined, hint: string): Failure =>
  new Failure('CONFIG_INVALID', `${name}=${value} makes no sense`, hint)

import { dirname, join, resolve } from 'node:path'
import { Failure } from './failure.ts'
import { existsSync } from './fs.ts'
import { type LogFormat, type LogLevel, logLevels } from './log.ts'
import type { ServerSettings } from './server.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Where the settings come from, as plain values: only main.ts reads them from the process. */
export type Surroundings = Readonly<{
  environment: Environment
  /** relative paths start here, and `.env` is read from here */
  workingFolder: string
  /** the folder of package.json, which holds the default migrations, and in a checkout or an image the default database */
  root: string
}>

/** Every setting, checked; paths are absolute. */
export type Config = Readonly<{
  /** the path of a file, or the address of a server without its password */
  database: string
  /** the server that DATABASE_URL names; undefined for a file */
  server: ServerSettings | undefined
  /** a file of certificates that a server's is checked against; undefined for those of Node */
  rootCertificate: string | undefined
  /** holds the password of a server in place of its URL */
  passwordFile: string | undefined
  /** seconds that one statement waits for a table's lock on a server */
  statementLockTimeout: number
  volume: string
  migrations: string
  requireMount: 'auto' | 'always' | 'never'
  readyFile: string
  /** where `up` writes metrics of its run; undefined for nowhere */
  metricsFile: string | undefined
  /** seconds to wait for another writer */
  lockTimeout: number
  backup: 'auto' | 'never'
  /** how many backups to keep; at least 1 */
  backupKeep: number
  check: 'auto' | 'always' | 'never'
  logFormat: LogFormat
  /** how a person calls this program where it runs, for the commands in hints */
  command: string
  logLevel: LogLevel
}>

/**
 * Every setting with its allowed words or range and its default. The others are paths, whose defaults depend on where
 * the program runs. `npm run docs` writes this table into the documents.
 */
export const settings = {
  DATABASE_URL: {},
  DATABASE_PASSWORD_FILE: {},
  PGSSLROOTCERT: {},
  MIGRATOR_SCRATCH_URL: {},
  MIGRATOR_MIGRATIONS: {},
  MIGRATOR_REQUIRE_MOUNT: { words: ['auto', 'always', 'never'], fallback: 'auto' },
  MIGRATOR_READY_FILE: {},
  MIGRATOR_METRICS_FILE: {},
  MIGRATOR_LOCK_TIMEOUT: { unit: 'seconds', least: 0, most: 86_400, fallback: 60 },
  MIGRATOR_STATEMENT_LOCK_TIMEOUT: { unit: 'seconds', least: 1, most: 3600, fallback: 5 },
  MIGRATOR_BACKUP: { words: ['auto', 'never'], fallback: 'auto' },
  MIGRATOR_BACKUP_KEEP: { unit: 'backups', least: 1, most: 1000, fallback: 3 },
  MIGRATOR_CHECK: { words: ['auto', 'always', 'never'], fallback: 'auto' },
  // `auto` is the word of older versions for text
  MIGRATOR_LOG_FORMAT: { words: ['text', 'json', 'auto'], fallback: 'text' },
  MIGRATOR_LOG_LEVEL: { words: logLevels, fallback: 'info' },
  MIGRATOR_COMMAND: {},
} as const
export type SettingName = keyof typeof settings
export const settingNames = Object.keys(settings)

type NameOf<Row> = { [Name in SettingName]: (typeof settings)[Name] extends Row ? Name : never }[SettingName]
type Word<Name extends NameOf<{ words: unknown }>> = (typeof settings)[Name]['words'][number]

/**
 * Reads the settings: from the environment, else from `.env`, else the defaults.
 * @throws Failure CONFIG_INVALID naming an invalid setting, an unknown MIGRATOR_ name or an unreadable `.env`
 */
export const readConfig = async (surroundings: Surroundings): Promise<Config> => {
  const file = join(surroundings.workingFolder, '.env')
  const dotenv = existsSync(file) ? (await import('./dotenv.ts')).readDotenv(file) : {}
  return toConfig({ ...surroundings, environment: { ...dotenv, ...surroundings.environment } })
}

/** The same, without a look at `.env`. */
export const toConfig = async ({ environment: given, workingFolder, root }: Surroundings): Promise<Config> => {
  await refuseUnknownNames(given)
  /**
   * An empty value counts as unset: Compose passes `${UNSET}` as an empty string. Trims what shells and editors add:
   * `\r` of a file from Windows, `\n` of a mounted secret.
   */
  const text = (name: SettingName): string | undefined => given[name]?.trim() || undefined
  const path = (name: SettingName): string | undefined => {
    const value = text(name)
    return value === undefined ? undefined : resolve(workingFolder, value)
  }
  const oneOf = <Name extends NameOf<{ words: unknown }>>(name: Name): Word<Name> => {
    const { fallback } = settings[name]
    const words: readonly Word<Name>[] = settings[name].words
    const value = text(name) ?? fallback
    const word = words.find(candidate => candidate === value)
    if (word === undefined) throw invalid(name, value, `Use one of ${words.join(', ')}.`)
    return word
  }
  const wholeNumber = (name: NameOf<{ unit: string }>): number => {
    const { unit, least, most, fallback } = settings[name]
    const value = text(name) ?? String(fallback)
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
    if (!(number >= least && number <= most)) {
      throw invalid(name, value, `Use a whole number of ${unit} from ${least} to ${most}.`)
    }
    return number
  }

  const url = text('DATABASE_URL')
  const server =
    url !== undefined && isServerUrl(url)
      ? (await import('./server.ts')).readServer(url, text, path('DATABASE_PASSWORD_FILE'))
      : undefined
  // an installed package is no place for data
  const home = isInstalled(root) ? workingFolder : root
  const fileOf = (url: string | undefined): string =>
    url === undefined ? join(home, 'data', 'homelab.db') : resolve(workingFolder, databasePath(url))
  const file = server === undefined ? fileOf(url) : noFile
  const volume = dirname(file)
  return {
    database: server?.shown ?? file,
    server,
    rootCertificate: path('PGSSLROOTCERT'),
    passwordFile: path('DATABASE_PASSWORD_FILE'),
    statementLockTimeout: wholeNumber('MIGRATOR_STATEMENT_LOCK_TIMEOUT'),
    volume,
    migrations: path('MIGRATOR_MIGRATIONS') ?? join(root, 'migrations'),
    requireMount: oneOf('MIGRATOR_REQUIRE_MOUNT'),
    readyFile: path('MIGRATOR_READY_FILE') ?? join(volume, '.ready'),
    metricsFile: path('MIGRATOR_METRICS_FILE'),
    lockTimeout: wholeNumber('MIGRATOR_LOCK_TIMEOUT'),
    backup: oneOf('MIGRATOR_BACKUP'),
    backupKeep: wholeNumber('MIGRATOR_BACKUP_KEEP'),
    check: oneOf('MIGRATOR_CHECK'),
    logFormat: toLogFormat(oneOf('MIGRATOR_LOG_FORMAT')),
    command: commandOf(given),
    logLevel: oneOf('MIGRATOR_LOG_LEVEL'),
  }
}

/** How a person calls this program: as MIGRATOR_COMMAND says, or as npm was asked to run it. */
export const commandOf = ({ MIGRATOR_COMMAND, npm_lifecycle_script: script = '' }: Environment): string => {
  const [, name] = /^(?:node bin\/|['"]?)((?:homelab-)?migrator)(?![\w-])/.exec(script) ?? []
  return MIGRATOR_COMMAND?.trim() || (name === undefined ? 'migrator' : `npx ${name}`)
}

/** Whether a URL names a server: anything else is a file. */
export const isServerUrl = (url: string): boolean => /^postgres(?:ql)?:/i.test(url)

/** Whether npm installed what is in a folder: it removes what else is put there. */
export const isInstalled = (folder: string): boolean => /[\\/]node_modules(?:[\\/]|$)/.test(folder)

/** Stands for the file of a database that is none: no folder or file can be made there. */
const noFile = '/dev/null/database'

/** Resolves MIGRATOR_LOG_FORMAT: JSON where it says so, else text. */
export const toLogFormat = (setting: string | undefined): LogFormat => (setting === 'json' ? setting : 'text')

/** Set by Kubernetes for a Service called migrator or migrator-metrics: MIGRATOR_SERVICE_HOST, MIGRATOR_PORT_80_TCP. */
const ofService =
  /^MIGRATOR_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/

const refuseUnknownNames = async (given: Environment): Promise<void> => {
  const isUnknown = (name: string): boolean =>
    name.startsWith('MIGRATOR_') && !settingNames.includes(name) && !ofService.test(name)
  const unknown = Object.keys(given).find(isUnknown)
  if (unknown === undefined) return
  throw (await import('./text.ts')).notASetting(unknown, settingNames)
}

/**
 * The path in `sqlite:PATH`, `sqlite:///ABSOLUTE` and SQLAlchemy's `sqlite:////ABSOLUTE`.
 * @throws Failure CONFIG_INVALID for anything else
 */
export const databasePath = (url: string): string => {
  const path = /^sqlite:(?<path>[^?]+)$/.exec(url)?.groups?.path?.replace(/^\/\/\/\/?(?!\/)/, '/')
  if (path === undefined || path.startsWith('//') || path.startsWith(':') || path.endsWith('/')) {
    const isBare = /^[\w/-]*[./][\w./-]*[\w-]$/.test(url)
    const hint = isBare
      ? `Put sqlite: before the path: DATABASE_URL=sqlite:${url}`
      : 'Write sqlite: and the path of a file, as in DATABASE_URL=sqlite:/app/data/homelab.db, or postgres://USER:PASSWORD@HOST/NAME.'
    throw invalid('DATABASE_URL', isBare ? url : withoutSecrets(url), hint)
  }
  return path
}

/** The part of a URL that is safe to log: a SQLite path, or the scheme alone. Any other part may hold a password. */
const withoutSecrets = (url: string): string => {
  const [shown = ''] = /^(?:sqlite:(?!.*@)[^?#]*|[a-z][a-z0-9+.-]*:\/\/)/is.exec(url) ?? []
  return shown === url ? url : `${shown}...`
}

const invalid = (name: SettingName, value: string | undefined, hint: string): Failure =>
  new Failure('CONFIG_INVALID', `${name}=${value} is not valid`, hint)

import { Failure, must } from './failure.ts'
import { readSmallFile } from './small-file.ts'

/** How a connection is encrypted, by libpq's words: https://www.postgresql.org/docs/current/libpq-ssl.html */
const sslModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof sslModes)[number]

/** A server that DATABASE_URL names. */
export type ServerAddress = Readonly<{
  /** tried in this order; a host that begins with `/` is the folder of a socket */
  hosts: readonly Readonly<{ host: string; port: number }>[]
  database: string
  user: string
  /** undefined if the server may let the user in without one */
  password: string | undefined
  /** that the tables are in */
  schema: string
  sslMode: SslMode
  /** the address without the user and the password, for messages */
  shown: string
}>

/** What the settings say of a server. */
export type ServerSettings = ServerAddress &
  Readonly<{
    /** the URL of a database to try migrations in; undefined for a new one beside the hub's */
    scratchUrl: string | undefined
  }>

/** Settings of a database that is a file, with the value that says nothing. */
const ofFiles = {
  MIGRATOR_REQUIRE_MOUNT: 'auto',
  MIGRATOR_READY_FILE: undefined,
  MIGRATOR_BACKUP: 'auto',
  MIGRATOR_BACKUP_KEEP: '3',
  MIGRATOR_CHECK: 'auto',
} as const

/**
 * Reads what DATABASE_URL and the settings beside it say of a server.
 * @param text the value of a setting; undefined if it is not set
 * @param passwordFile holds the password instead of the URL; undefined if there is none
 * @throws Failure CONFIG_INVALID, also for settings that only a file has
 */
export const readServer = (
  url: string,
  text: (name: keyof typeof ofFiles | 'MIGRATOR_SCRATCH_URL') => string | undefined,
  passwordFile: string | undefined,
): ServerSettings => {
  for (const [name, fallback] of Object.entries(ofFiles)) {
    const value = text(name as keyof typeof ofFiles)
    if (value === undefined || value === fallback) continue
    const hint = 'Leave it out: it is about a database that is a file, and DATABASE_URL names a server.'
    throw new Failure('CONFIG_INVALID', `${name}=${value} does not apply to a server`, hint)
  }
  return { ...readAddress(url, passwordFile), scratchUrl: text('MIGRATOR_SCRATCH_URL') }
}

/** The address in a URL, with the password in a file in place of its own. @throws Failure CONFIG_INVALID */
export const readAddress = (url: string, passwordFile: string | undefined): ServerAddress =>
  readServerUrl(url, passwordFile === undefined ? undefined : readPassword(passwordFile))

const largestPassword = 64 * 1024

const readPassword = (file: string): string => {
  try {
    // editors and shells end a file with a line break
    return String(readSmallFile(file, largestPassword)).replace(/\r?\n$/, '')
  } catch (cause) {
    const hint = 'DATABASE_PASSWORD_FILE names a file that this user can read.'
    throw new Failure('CONFIG_INVALID', `the password file ${file} cannot be read`, hint, cause)
  }
}

const form = 'Write postgres://user:password@host:5432/name, with several hosts as host1:5432,host2:5432.'

/**
 * Reads `postgres://user:password@host1:5432,host2:5432/name?schema=hub&sslmode=verify-full`. Failures name the part that is
 * wrong and never its value: any part of a URL with a mistake in it may be the password.
 * @param password that takes the place of the one in the URL
 * @param setting that has the URL, for messages
 * @throws Failure CONFIG_INVALID
 */
export const readServerUrl = (url: string, password: string | undefined, setting = 'DATABASE_URL'): ServerAddress => {
  const invalid: Invalid = (reason, hint) => new Failure('CONFIG_INVALID', `${setting} is not valid: ${reason}`, hint)
  // apart, since `i` would compile every set of the rest for all of Unicode
  const scheme = /^postgres(?:ql)?:\/\//i.exec(url)?.[0]
  // the last @ ends the password, which may hold others
  const parts =
    scheme &&
    /^(?:(?<user>[^:@/]*)(?::(?<secret>.*))?@)?(?<hosts>[^@/?#]*)\/(?<database>[^@/?#]*)(?:\?(?<query>[^@#]*))?$/.exec(
      url.slice(scheme.length),
    )?.groups
  if (!parts) throw invalid('it is not the URL of a server', form)
  const query = new URLSearchParams(parts.query ?? '')
  for (const name of query.keys())
    if (!parameters.includes(name))
      throw invalid('it has an unknown parameter', `The parameters are ${parameters.join(', ')}.`)
  const user = decode(parts.user ?? '', 'user', invalid)
  const database = decode(must(parts.database), 'database', invalid)
  if (user === '' || database === '') throw invalid(`it names no ${user === '' ? 'user' : 'database'}`, form)
  const schema = query.get('schema') ?? 'public'
  if (schema === '' || /^pg_|^information_schema$/.test(schema))
    throw invalid('a hub cannot have its tables in that schema', 'Leave it out for the schema public.')
  const sslMode = sslModes.find(mode => mode === (query.get('sslmode') ?? 'prefer'))
  if (sslMode === undefined)
    throw invalid('its sslmode is unknown', `Use one of ${sslModes.join(', ')}; prefer by default.`)
  const hosts = must(parts.hosts)
    .split(',')
    .map(text => toHost(text, invalid))
  const shownHosts = hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join()
  return {
    ...{ hosts, database, user, schema, sslMode },
    password: password ?? (parts.secret ? decode(parts.secret, 'password', invalid) : undefined),
    shown: `postgres://${shownHosts}/${database}${schema === 'public' ? '' : `?schema=${schema}`}`,
  }
}

type Invalid = (reason: string, hint: string) => Failure

/** target_session_attrs is what libpq has for the primary among several hosts, which is looked for here anyway. */
const parameters = ['schema', 'sslmode', 'target_session_attrs']

/** `host`, `host:5432`, `[::1]:5432`, or the folder of a socket as `%2Frun%2Fpostgresql`. */
const toHost = (text: string, invalid: Invalid): Readonly<{ host: string; port: number }> => {
  const {
    name = '',
    address,
    port = '5432',
  } = /^(?:\[(?<address>[\da-fA-F:.]+)\]|(?<name>[^:[\]]+))(?::(?<port>\d{1,5}))?$/.exec(text)?.groups ?? {}
  const host = address ?? decode(name, 'host', invalid)
  if (host === '' || Number(port) < 1 || Number(port) > 65_535) throw invalid('one of its hosts is not valid', form)
  return { host, port: Number(port) }
}

const decode = (text: string, what: string, invalid: Invalid): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    const hint = 'Write % itself as %25, @ as %40 and / as %2F.'
    throw invalid(`its ${what} has a % that starts no escape`, hint)
  }
}

import { errorCode, Failure, type FailureCode, isFailure, reasonOf } from '../failure.ts'

/** The error that carries an SQLSTATE: this one, or its cause. */
const findState = (error: unknown): Readonly<{ state: string; message: string }> | undefined => {
  if (!(error instanceof Error)) return undefined
  const code = errorCode(error)
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return { state: code, message: error.message }
  return findState('parent' in error ? error.parent : error.cause)
}

/** PgBouncer has the one code 08P01 for whatever it says itself, and for what a server refused it with: the words tell which it is. */
const ofPooler: readonly (readonly [RegExp, string])[] = [
  [/authentication failed|no such user|login rejected/, '28000'],
  [/no such database|database ".*" does not exist/, '3D000'],
  [
    /conn crashed|has been failing|query_wait_timeout|server down|connect (?:failed|timeout)|connections allowed|is disabled|server DNS lookup/,
    '08006',
  ],
  [/starting up|shutting down|recovery mode|not yet accepting|too many clients|connection slots/, '57P03'],
]

/** The SQLSTATE of an error of the server, or of its cause: https://www.postgresql.org/docs/current/errcodes-appendix.html */
export const sqlState = (error: unknown): string | undefined => {
  const found = findState(error)
  if (found?.state !== '08P01') return found?.state
  return ofPooler.find(([words]) => words.test(found.message))?.[1] ?? found.state
}

/** The first line of a server's message; the rest may quote values of rows. */
const firstLineOf = (error: unknown): string => reasonOf(error).replace(/\n[\s\S]*/, '')

/**
 * A connection broke or could not be made: errors of sockets and name servers, and the driver's own, which have no code.
 */
const lostConnection =
  /^(?:ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|EACCES)$|terminated unexpectedly|Client was closed|not queryable|timeout expired|terminated due to connection timeout/

export const isLost = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  if (lostConnection.test(String(errorCode(error))) || lostConnection.test(error.message)) return true
  return isLost('parent' in error ? error.parent : error.cause)
}

/** The server starts, stops, fails over or has no connection to spare: 57P01 to 57P03, 08, 53300, and 25006 of a standby. */
const ofServer = /^(?:57P0[123]|08(?!P01)...|53300|25006)$/

/** Another session held a lock that a statement needs (lock_timeout), or the server broke a deadlock by ending this one. */
const ofLocks = /^(?:55P03|40P01)$/

/** Whether the same run may succeed when it begins anew. */
export const mayPass = (error: unknown): boolean => {
  // all hosts are standbys while the cluster chooses a primary
  if (isFailure(error, 'DATABASE_READ_ONLY')) return true
  const state = sqlState(error)
  return state === undefined ? isLost(error) : ofServer.test(state) || ofLocks.test(state)
}

/** Whether server, network or privileges failed, not the statement. */
export const isOfServer = (error: unknown): boolean => meaningOf(error) !== undefined

type Meaning = Readonly<{ code: FailureCode; says: (shown: string) => string; hint: string }>

const unreachable: Meaning = {
  code: 'DATABASE_UNREACHABLE',
  says: shown => `${shown} cannot be reached`,
  hint: 'Check that the server is running, and the host and port in DATABASE_URL.',
}

const meanings: readonly (readonly [RegExp, Meaning])[] = [
  [
    /^28/,
    {
      code: 'PRIVILEGE_MISSING',
      says: shown => `${shown} does not let this user in`,
      hint: "Check the user and the password in DATABASE_URL or DATABASE_PASSWORD_FILE, and the server's pg_hba.conf.",
    },
  ],
  [
    /^3D000$/,
    {
      code: 'NO_SUCH_DATABASE',
      says: shown => `there is no database ${shown}`,
      hint: 'Create it with CREATE DATABASE, or set DATABASE_URL to another.',
    },
  ],
  [
    /^42501$/,
    {
      code: 'PRIVILEGE_MISSING',
      says: shown => `this user lacks a privilege in ${shown}`,
      hint: 'Only its owner can alter a table: use ALTER TABLE ... OWNER TO, or GRANT CREATE ON SCHEMA ... TO this user.',
    },
  ],
  [
    /^53100$/,
    {
      code: 'DISK_FULL',
      says: shown => `the disk of the server of ${shown} is full`,
      hint: 'Free some space on it, then try again. Nothing was changed.',
    },
  ],
  [
    /^25006$/,
    {
      code: 'DATABASE_READ_ONLY',
      says: shown => `${shown} is read-only now`,
      hint: 'Put the primary in DATABASE_URL, or all hosts of the cluster: host1:5432,host2:5432.',
    },
  ],
  [
    ofLocks,
    {
      code: 'DATABASE_BUSY',
      says: shown => `another session of ${shown} holds a lock that a migration needs`,
      hint: 'End long transactions (pg_stat_activity), or raise MIGRATOR_LOCK_TIMEOUT. Nothing was changed.',
    },
  ],
  [ofServer, unreachable],
  [
    /^08P01$/,
    {
      code: 'DATABASE_UNREACHABLE',
      says: shown => `the connection pooler of ${shown} refuses this`,
      hint: 'Check its settings: PgBouncer needs pool_mode=transaction or session, and no time limit for queries.',
    },
  ],
]

/** Errors of TLS, which have codes of OpenSSL or none. */
const ofEncryption = /^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/

const isOfEncryption = (error: unknown): boolean =>
  error instanceof Error && (ofEncryption.test(String(errorCode(error))) || /\bSSL\b/.test(error.message))

const notEncrypted: Meaning = {
  code: 'DATABASE_UNREACHABLE',
  says: shown => `${shown} cannot be reached over TLS`,
  hint: 'Check sslmode in DATABASE_URL and the certificates in PGSSLROOTCERT; sslmode=disable turns TLS off.',
}

const meaningOf = (error: unknown): Meaning | undefined => {
  const state = sqlState(error)
  if (state === undefined && isOfEncryption(error)) return notEncrypted
  if (state === undefined) return isLost(error) ? unreachable : undefined
  return meanings.find(([states]) => states.test(state))?.[1]
}

/**
 * Turns an error of the server or the network into a Failure about the database; returns any other error unchanged.
 * @param shown the address without its password
 */
export const toFailure = (error: unknown, shown: string): unknown => {
  if (error instanceof Failure) return error
  const meaning = meaningOf(error)
  if (meaning === undefined) return error
  const state = findState(error)?.state ?? errorCode(error)
  const said = `${firstLineOf(error)}${state === undefined ? '' : ` (${state})`}`
  return new Failure(meaning.code, `${meaning.says(shown)}: ${said}`, meaning.hint, error)
}

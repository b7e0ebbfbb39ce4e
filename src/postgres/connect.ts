import {
  Client,
  type ClientConfig,
  type CustomTypesConfig,
  type QueryConfig,
  type QueryResult,
  type QueryResultRow,
  type Submittable,
  types,
} from 'pg'
import { attemptAsync, Failure, isFailure } from '../failure.ts'
import { readFileSync } from '../fs.ts'
import type { ServerAddress, SslMode } from '../server.ts'
import { isLost, mayPass } from './errors.ts'
import { requireSuitable } from './suitable.ts'

/** A connection to a server. It runs one statement at a time, in the order given. */
export type Connection = Readonly<{
  address: ServerAddress
  /** that it is connected to */
  host: Host
  isEncrypted: boolean
  /**
   * Runs one statement. It goes by the extended protocol, in which a server refuses a text of several: over the simple one a
   * migration's text could commit everything before it.
   */
  query: <Row extends QueryResultRow>(
    sql: string,
    values?: readonly unknown[],
    types?: CustomTypesConfig,
  ) => Promise<QueryResult<Row>>
  /** the rows of a statement */
  rows: <Row extends QueryResultRow>(sql: string, values?: readonly unknown[]) => Promise<readonly Row[]>
  /** Sends a statement that is a stream itself, such as COPY; no other may run until it closes. */
  stream: <Stream extends Submittable & NodeJS.EventEmitter>(statement: Stream) => Stream
  /** whether a transaction is open of which no statement has failed: after that it takes no other */
  isInTransaction: () => boolean
  /** how many statements have not been answered yet */
  unanswered: () => number
  close: () => Promise<void>
  /** Closes the connection at once, even while a statement runs; the server rolls back. */
  destroy: () => void
}>

/** What only reads: a connection, or the short way to one. */
export type Source = Pick<Connection, 'address' | 'rows'>

type Host = ServerAddress['hosts'][number]

/** Milliseconds that a host may take to answer. */
const answerTime = 10_000

/** Milliseconds until a silent host is asked whether it is still there: one that lost its power never says that it is gone. */
const silence = 5000

export type Access = 'read' | 'write'

/**
 * Connects to the first usable host: for writing the primary, for reading any. Each host says itself which it is.
 * @throws Failure DATABASE_READ_ONLY, SERVER_UNSUITABLE; the errors of the last host
 */
export const connect = async (
  address: ServerAddress,
  access: Access,
  rootCertificate: string | undefined,
): Promise<Connection> => {
  let last: unknown
  for (const { host, port } of address.hosts) {
    try {
      return await connectHost(address, { host, port }, access, rootCertificate)
    } catch (error) {
      last = prefer(last, error)
      // another host may answer, or be the primary; a wrong user or database is wrong on every host
      if (!mayPass(error)) throw error
    }
  }
  throw last
}

/** A standby that answers says more than a host that does not. */
const prefer = (former: unknown, error: unknown): unknown =>
  isFailure(former, 'DATABASE_READ_ONLY') && isLost(error) ? former : error

const connectHost = async (
  address: ServerAddress,
  host: Host,
  access: Access,
  rootCertificate: string | undefined,
): Promise<Connection> => {
  const { client, isEncrypted } = await openClient(address, host, rootCertificate)
  const connection = toConnection(client, { address, host, isEncrypted })
  try {
    await requireSuitable(connection, access)
    return connection
  } catch (error) {
    connection.destroy()
    throw error
  }
}

const openClient = async (
  address: ServerAddress,
  host: Host,
  rootCertificate: string | undefined,
): Promise<Readonly<{ client: Client; isEncrypted: boolean }>> => {
  const { user, password, database } = address
  const open = async (ssl: ClientConfig['ssl']) => {
    // no start-up options: poolers refuse them
    const client = new Client({
      ...{ ...host, user, database, ssl },
      ...(password === undefined ? {} : { password }),
      ...{ connectionTimeoutMillis: answerTime, keepAlive: true, keepAliveInitialDelayMillis: silence },
    })
    // if the connection breaks while idle, the next statement reports it
    client.on('error', () => undefined)
    try {
      await client.connect()
    } catch (error) {
      // the driver leaves the socket of a refused login open
      void attemptAsync(() => client.end())
      throw error
    }
    return { client, isEncrypted: ssl !== false }
  }
  const { sslMode } = address
  // a socket's folder is as private as the machine
  const ssl = host.host.startsWith('/') ? false : encryptionOf(sslMode, rootCertificate)
  if (sslMode !== 'prefer') return open(ssl)
  try {
    return await open(ssl)
  } catch (error) {
    if (!(error instanceof Error && /does not support SSL/.test(error.message))) throw error
    return open(false)
  }
}

/** As in libpq, `require` checks the certificate only if root certificates are given. */
export const encryptionOf = (
  sslMode: SslMode,
  rootCertificate: string | undefined,
): NonNullable<ClientConfig['ssl']> => {
  if (sslMode === 'disable') return false
  if (sslMode === 'prefer') return { rejectUnauthorized: false }
  const ca = rootCertificate === undefined ? {} : { ca: readCertificate(rootCertificate) }
  if (sslMode === 'require' && rootCertificate === undefined) return { rejectUnauthorized: false }
  if (sslMode === 'verify-full') return { rejectUnauthorized: true, ...ca }
  return { rejectUnauthorized: true, checkServerIdentity: () => undefined, ...ca }
}

const readCertificate = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const hint = 'PGSSLROOTCERT names a file of certificates in PEM that this user can read.'
    throw new Failure('CONFIG_INVALID', `the root certificate ${file} cannot be read`, hint, cause)
  }
}

/** int8 as SQLite's integers are read: a number where that is exact, else its digits. */
const toWhole = (text: string): number | string => {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : text
}

type Parse = (value: string) => unknown

/** The driver's parsers of values, except for int8. */
export const ownTypes: CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === types.builtins.INT8 && format !== 'binary' ? toWhole : (types.getTypeParser(oid, format) as Parse),
}

const toConnection = (client: Client, facts: Pick<Connection, 'address' | 'host' | 'isEncrypted'>): Connection => {
  // the types lack both
  const socket = client as Client & Readonly<{ ref: () => void; unref: () => void }>
  let unanswered = 0
  // the driver tells of an error before it knows that the transaction takes no more statements
  let hasFailed = false
  // the driver warns of statements that are given while another runs
  let last: Promise<unknown> = Promise.resolve()
  const query = <Row extends QueryResultRow>(
    sql: string,
    values: readonly unknown[] = [],
    types: CustomTypesConfig = ownTypes,
  ): Promise<QueryResult<Row>> => {
    unanswered += 1
    socket.ref()
    const asked: QueryConfig & { readonly queryMode: 'extended' } = {
      text: sql,
      values: [...values],
      types,
      queryMode: 'extended',
    }
    const send = () => client.query<Row>(asked)
    const answered = last.then(send).finally(() => {
      unanswered -= 1
      // only a running statement keeps the process alive, so a migration that waits for nothing is noticed
      if (unanswered === 0) socket.unref()
    })
    last = answered.then(
      () => {
        hasFailed = false
      },
      () => {
        hasFailed = true
      },
    )
    return answered
  }
  return {
    ...facts,
    query,
    stream: statement => {
      unanswered += 1
      socket.ref()
      statement.once('close', () => {
        unanswered -= 1
        if (unanswered === 0) socket.unref()
      })
      return client.query(statement)
    },
    rows: async (sql, values) => (await query<never>(sql, values)).rows,
    isInTransaction: () => !hasFailed && client.getTransactionStatus() === 'T',
    unanswered: () => unanswered,
    close: async () => {
      socket.ref()
      await client.end()
    },
    destroy: () => void attemptAsync(() => client.end()),
  }
}

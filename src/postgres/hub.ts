import { Client, types } from 'pg'
import { type Options, Sequelize } from 'sequelize'
import { attemptAsync } from '../failure.ts'
import { readServerUrl, type ServerAddress } from '../server.ts'
import { connect, encryptionOf, ownTypes } from './connect.ts'
import { toFailure } from './errors.ts'

/**
 * Sequelize 6 for a hub on a server. Whole numbers are numbers where that is exact and digits from 2^53 on, as on SQLite; models
 * are in the schema of the URL. Of several hosts each new connection takes the one that is the primary then.
 * @param url as DATABASE_URL
 * @param rootCertificate as PGSSLROOTCERT
 * @throws Failure CONFIG_INVALID for an invalid URL; what `connect` throws if no host can be used
 */
export const connectPostgres = (url: string, rootCertificate?: string): Promise<Sequelize> =>
  connectAddress(readServerUrl(url, undefined), rootCertificate)

/** The same for an address that has been read, with its password. */
export const connectAddress = async (
  address: ServerAddress,
  rootCertificate: string | undefined,
): Promise<Sequelize> => {
  const { host, port, user, database, ssl, schema, password } = await accessOf(address, rootCertificate)
  const options: Options = {
    ...{ dialect: 'postgres', dialectModule: driver },
    ...{ host, port, username: user, database },
    ...(password === undefined ? {} : { password }),
    ...{ logging: false, timezone: '+00:00', define: { schema }, pool: { acquire: patience } },
    // set nothing in a session that a pooler gives to others: times are written with their offset
    ...{ keepDefaultTimezone: true, standardConformingStrings: false },
    dialectOptions: { clientMinMessages: 'ignore', keepAlive: true, ...(ssl === false ? {} : { ssl }) },
  }
  const sequelize = new Sequelize(options)
  if (address.hosts.length > 1)
    sequelize.addHook('beforeConnect', async config => {
      Object.assign(config as object, await primaryOf(address, rootCertificate))
    })
  return sequelize
}

/** Milliseconds that a query waits for a connection while a migration has a table, and all of them wait for that; Sequelize's own are a minute. */
export const patience = 300_000

/** The driver for a Sequelize of either version, which reads whole numbers as ours does. */
export const driver = { Client, types: { ...types, getTypeParser: ownTypes.getTypeParser } }

/** What a Sequelize is given of a server that answers: sslmode=prefer depends on it. @throws what `connect` throws, as a Failure */
export const accessOf = async (address: ServerAddress, rootCertificate: string | undefined) => {
  const outcome = await attemptAsync(() => connect(address, 'write', rootCertificate))
  if ('error' in outcome) throw toFailure(outcome.error, address.shown)
  const { isEncrypted, host } = outcome.value
  await outcome.value.close()
  const { user, password, database, schema } = address
  const ssl = isEncrypted ? encryptionOf(address.sslMode, rootCertificate) : false
  return { ...host, user, password, database, schema, ssl } as const
}

/** The host that is the primary now. */
export const primaryOf = async (address: ServerAddress, rootCertificate: string | undefined): Promise<Host> => {
  const connection = await connect(address, 'write', rootCertificate)
  await connection.close()
  return connection.host
}

type Host = ServerAddress['hosts'][number]

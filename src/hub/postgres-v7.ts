import { Sequelize } from '@sequelize/core'
import { PostgresDialect } from '@sequelize/postgres'
import { accessOf, driver, patience, primaryOf } from '../postgres/hub.ts'
import { readServerUrl, type ServerAddress } from '../server.ts'

/**
 * Sequelize 7 for a hub on a server, like connectPostgres for version 6: whole numbers are numbers where that is exact and digits
 * from 2^53 on, models are in the schema of the URL, and each new connection takes the host that is the primary then.
 * @param url as DATABASE_URL
 * @param rootCertificate as PGSSLROOTCERT
 * @throws Failure CONFIG_INVALID for an invalid URL; what connecting throws if no host can be used
 */
export const connectPostgres = (url: string, rootCertificate?: string): Promise<Sequelize<PostgresDialect>> =>
  connectAddress(readServerUrl(url, undefined), rootCertificate)

/** The same for an address that has been read, with its password. */
export const connectAddress = async (
  address: ServerAddress,
  rootCertificate: string | undefined,
): Promise<Sequelize<PostgresDialect>> => {
  const { password, ssl, schema, ...where } = await accessOf(address, rootCertificate)
  const sequelize = new Sequelize({
    ...{ dialect: PostgresDialect, pgModule: driver as never, ...where, ssl },
    ...(password === undefined ? {} : { password }),
    // set nothing in a session that a pooler gives to others: times are written with their offset
    ...{ keepDefaultTimezone: true, clientMinMessages: false, timezone: '+00:00' },
    // as its own option it would be written before aliases, too
    ...{ logging: false, keepAlive: true, define: { schema }, pool: { acquire: patience } },
  })
  if (address.hosts.length > 1)
    sequelize.hooks.addListener('beforeConnect', async config => {
      Object.assign(config, await primaryOf(address, rootCertificate))
    })
  return sequelize
}

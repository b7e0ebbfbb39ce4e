import { join } from 'node:path'
import { Failure } from '../failure.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { readPlan, refuseConflicts } from '../migrations/plan.ts'
import { connect } from '../postgres/connect.ts'
import { toFailure } from '../postgres/errors.ts'
import { readerOf } from '../postgres/reader.ts'
import { readAddress, type ServerAddress } from '../server.ts'
import type { Closes, HubOf } from './ready.ts'

/** The migrations that come with the package. */
const own = join(import.meta.dirname, '../../migrations')

/**
 * Opens a database on a server where every migration is applied. PGSSLROOTCERT and DATABASE_PASSWORD_FILE are read from the
 * environment, as the migrator reads them.
 * @param migrations the folder of migrations, as MIGRATOR_MIGRATIONS; the package's own if undefined
 * @param connectAddress connects the Sequelize that the hub uses
 * @throws Failure NOT_READY if some are pending; what the history is refused with; DATABASE_UNREACHABLE and the like
 */
export const openReadyServer = async <S extends Closes>(
  url: string,
  migrations: string | undefined,
  connectAddress: (address: ServerAddress, rootCertificate: string | undefined) => Promise<S>,
): Promise<HubOf<S>> => {
  const { DATABASE_PASSWORD_FILE, PGSSLROOTCERT } = process.env
  const rootCertificate = PGSSLROOTCERT || undefined
  const address = readAddress(url, DATABASE_PASSWORD_FILE || undefined)
  const { shown } = address
  const files = readMigrationFiles(migrations ?? own, 'postgres')
  try {
    const connection = await connect(address, 'write', rootCertificate)
    try {
      const { pending, conflicts } = await readPlan(readerOf(connection), files)
      // while hubs are replaced one by one, an older one meets what a newer one has migrated
      const refused = conflicts.filter(({ code }) => code !== 'DATABASE_AHEAD')
      refuseConflicts(refused, shown)
      if (pending.length > 0) {
        const names = pending.map(({ name }) => name).join(', ')
        const hint = 'Run `migrator up`; `migrator wait` returns once it is done.'
        throw new Failure('NOT_READY', `${shown} has pending migrations: ${names}`, hint)
      }
    } finally {
      await connection.close()
    }
    const sequelize = await connectAddress(address, rootCertificate)
    return { sequelize, close: () => sequelize.close() }
  } catch (error) {
    throw toFailure(error, shown)
  }
}

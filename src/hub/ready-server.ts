import { join } from 'node:path'
import { Failure } from '../failure.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { readPlan, refuseConflicts } from '../migrations/plan.ts'
import { connect } from '../postgres/connect.ts'
import { toFailure } from '../postgres/errors.ts'
import { connectPostgres } from '../postgres/hub.ts'
import { readerOf } from '../postgres/reader.ts'
import { readServerUrl } from '../server.ts'
import type { Hub } from './ready.ts'

/** The migrations that come with the package. */
const own = join(import.meta.dirname, '../../migrations')

/**
 * Opens a database on a server where every migration is applied.
 * @param migrations the folder of migrations, as MIGRATOR_MIGRATIONS; the package's own if unset
 * @throws Failure NOT_READY if some are pending; what the history is refused with; DATABASE_UNREACHABLE and the like
 */
export const openReadyServer = async (url: string, migrations: string = own): Promise<Hub> => {
  const address = readServerUrl(url, undefined)
  const { shown } = address
  const files = readMigrationFiles(migrations, 'postgres')
  try {
    const connection = await connect(address, 'write', undefined)
    try {
      const { pending, conflicts } = await readPlan(readerOf(connection), files)
      // while hubs are replaced one by one, an older one meets what a newer one has migrated
      const refused = conflicts.filter(({ code }) => code !== 'DATABASE_AHEAD')
      refuseConflicts(refused, shown)
      if (pending.length > 0) {
        const names = pending.map(({ name }) => name).join(', ')
        const hint = 'Run "migrator up"; "migrator wait" returns when it is done.'
        throw new Failure('NOT_READY', `${shown} has pending migrations: ${names}`, hint)
      }
    } finally {
      await connection.close()
    }
    const sequelize = await connectPostgres(url)
    return { sequelize, close: () => sequelize.close() }
  } catch (error) {
    throw toFailure(error, shown)
  }
}

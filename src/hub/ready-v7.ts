import type { Sequelize } from '@sequelize/core'
import { isServerUrl } from '../config.ts'
import { type HubOf, openReadyFile } from './ready.ts'

/** The export `homelab-migrator/ready/v7`. */
export type { Failure, FailureCode } from './ready.ts'
export type Hub = HubOf<Sequelize>

/**
 * openReady of `homelab-migrator/ready` for Sequelize 7. A file needs `@sequelize/sqlite3`, a server `@sequelize/postgres`.
 * @param url as DATABASE_URL, or the path of a file
 * @param readyFile as MIGRATOR_READY_FILE; for a server the folder of migrations, as MIGRATOR_MIGRATIONS
 * @throws Failure as openReady
 */
export const openReady = async (url: string, readyFile?: string): Promise<Hub> => {
  if (!isServerUrl(url)) return openReadyFile(url, readyFile, (await import('./sequelize-v7.ts')).connectSequelize)
  const [{ openReadyServer }, { connectAddress }] = await Promise.all([
    import('./ready-server.ts'),
    import('./postgres-v7.ts'),
  ])
  return openReadyServer(url, readyFile, connectAddress)
}

import { Umzug } from 'umzug'
import type { Around } from '../database/around.ts'
import type { Connection } from '../database/open.ts'
import { connectSequelize } from '../database/sequelize.ts'
import type { OnProgress } from './backfill.ts'
import { readHistory, recordApplied, removeApplied } from './history.ts'
import type { LoadedMigration } from './load.ts'
import { makeSafe, type SchemaEditor } from './schema-editor.ts'

export type Applied = Readonly<{ name: string; milliseconds: number }>

export type RunnerOptions = Readonly<{
  /** of this program, for the history */
  version: string
  /** stands around each statement of a migration */
  around: Around
  /** called after a migration was applied and recorded */
  onApplied: (migration: Applied) => void
  /** told of each batch of a backfill */
  onProgress: OnProgress
}>

/**
 * Umzug over an open connection: `up` and `down` run migrations on a QueryInterface through the bridge and keep the
 * history with them. The caller holds the transaction around it.
 */
export const createRunner = (
  connection: Connection,
  migrations: readonly LoadedMigration[],
  { version, around, onApplied, onProgress }: RunnerOptions,
) => {
  const sequelize = connectSequelize(connection, around)
  let started = 0
  return new Umzug<SchemaEditor>({
    migrations: migrations.map(({ name, file, up, down }) => ({
      name,
      path: file,
      up: params => {
        started = performance.now()
        return up(params)
      },
      // without one Umzug would take the record away and call it reverted
      down: down ?? (async () => Promise.reject(new Error('it has no down'))),
    })),
    context: makeSafe(sequelize.getQueryInterface(), onProgress),
    logger: undefined,
    storage: {
      executed: async () => readHistory(connection).map(({ name }) => name),
      logMigration: async params => {
        const milliseconds = Math.round(performance.now() - started)
        for (const { name, checksum } of migrations.filter(({ name }) => name === params.name)) {
          const applied_at = new Date().toISOString()
          recordApplied(connection, { name, checksum, applied_at, duration_ms: milliseconds, migrator: version })
          onApplied({ name, milliseconds })
        }
      },
      unlogMigration: async ({ name }) => removeApplied(connection, name),
    },
  })
}

import { statSync } from 'node:fs'
import { openForReading } from '../database/open.ts'
import { toFailure } from '../database/sqlite-failure.ts'
import { type AppliedMigration, readHistory } from '../migrations/history.ts'
import { readMigrations } from '../migrations/known.ts'
import { makePlan } from '../migrations/plan.ts'
import { readMarker } from '../ready/marker.ts'
import { isTrue, truthOf } from '../ready/truth.ts'
import { refuseMissingVolume } from '../volume/check-volume.ts'
import type { Context } from './context.ts'

/** What `status --json` prints. */
type State = Readonly<{
  database: string
  /** the ready marker is there and true */
  ready: boolean
  migrations: readonly Readonly<{
    name: string
    state: 'applied' | 'pending'
    /** ISO 8601, UTC; null where it is not known */
    appliedAt: string | null
    /** the version that applied it */
    migrator: string | null
  }>[]
  conflicts: readonly Readonly<{ code: string; name: string; finding: string }>[]
}>

/** Shows what is applied and what is pending. Reads only: creates nothing, takes no lock. */
export const status = ({ config, print }: Context, format: 'text' | 'json'): void => {
  refuseMissingVolume(config.volume)
  const known = readMigrations(config.migrations)
  const { applied, ready } = readState(config.database, config.readyFile)
  const { pending, conflicts } = makePlan(known, applied)
  const state: State = {
    database: config.database,
    ready,
    migrations: [
      ...applied.map(({ name, applied_at: appliedAt, migrator }) => ({
        name,
        state: 'applied' as const,
        appliedAt,
        migrator,
      })),
      ...pending.map(({ name }) => ({ name, state: 'pending' as const, appliedAt: null, migrator: null })),
    ],
    conflicts: conflicts.map(({ code, name, finding }) => ({ code, name, finding })),
  }
  print(format === 'json' ? `${JSON.stringify(state)}\n` : toText(state))
}

const toText = ({ database, ready, migrations, conflicts }: State): string => {
  const width = Math.max(...migrations.map(({ name }) => name.length))
  const pending = migrations.filter(({ state }) => state === 'pending').length
  const lines = [
    `${database}: ${pending} pending, ${ready ? 'ready' : 'not ready'}`,
    ...migrations.map(({ name, state, appliedAt }) =>
      `  ${name.padEnd(width)}  ${state}  ${appliedAt ?? ''}`.trimEnd(),
    ),
    ...conflicts.map(({ code, name, finding }) => `  ${code}: ${name} ${finding}`),
  ]
  return `${lines.join('\n')}\n`
}

const readState = (database: string, readyFile: string): { applied: readonly AppliedMigration[]; ready: boolean } => {
  if (statSync(database, { throwIfNoEntry: false }) === undefined) return { applied: [], ready: false }
  try {
    const connection = openForReading(database)
    try {
      const applied = readHistory(connection)
      const marker = readMarker(readyFile)
      return { applied, ready: marker !== undefined && isTrue(marker, truthOf(connection, applied)) }
    } finally {
      connection.close()
    }
  } catch (error) {
    throw toFailure(error, database)
  }
}

import type { KnownMigration } from '../known.ts'
import type { Finding } from './finding.ts'
import { watchCalls } from './watch-calls.ts'
import { watchImports } from './watch-imports.ts'

/**
 * HM501 to HM503: notes what migrations reach for besides the database, from before they are loaded until they have run and
 * `stop` is called. `running` tells which of them runs.
 */
export const watchOutside = (migrations: readonly KnownMigration[]) => {
  const imports = watchImports()
  const calls = watchCalls(migrations)
  return {
    running: calls.running,
    findings: (migration: KnownMigration): readonly Finding[] => [
      ...imports.findings(migration),
      ...calls.findings(migration.name),
    ],
    stop: (): void => {
      calls.stop()
      imports.stop()
    },
  }
}

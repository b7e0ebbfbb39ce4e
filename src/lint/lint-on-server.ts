// This file is about PostgreSQL.
import type { Context } from '../context.ts'
import { createServerRecorder, type ServerRecording } from '../dry-run/on-server.ts'
import { attemptAsync, isFailure, reasonOf } from '../failure.ts'
import type { MigrationFile } from '../migrations/files.ts'
import type { LoadedMigration } from '../migrations/load.ts'
import { loadForTrial } from '../on-server/online.ts'
import { compareServerSchemas } from '../postgres/compare.ts'
import { readServerSchema } from '../postgres/schema.ts'
import { type Scratch, withEmptySchema } from '../postgres/scratch.ts'
import { runAll } from '../verify/run-all.ts'
import { findOnServer } from './find-on-server.ts'
import { findNumber, type Linted } from './lint.ts'
import { watchOutside } from './outside.ts'
import { applySuppressions, type Finding, finding, isSquawk, type Placed, place } from './rules.ts'

type Rehearsal = Readonly<{ name: string; up: readonly Finding[]; down: readonly Finding[] }>

/**
 * Runs migrations in an empty schema of a server, `up` and `down`, and returns each one's findings that its text does not suppress.
 * @throws Failure CONFIG_INVALID if one cannot be loaded; what withEmptySchema throws; the signal's reason
 */
export const lintOnServer = async (context: Context, files: readonly MigrationFile[]): Promise<readonly Linted[]> => {
  const { signal, version } = context
  const outside = watchOutside(files)
  try {
    const migrations = await loadForTrial(files, signal)
    const rehearsals: Rehearsal[] = []
    const failed = await withEmptySchema(context, async scratch => {
      const { around, record } = createServerRecorder(scratch.connection)
      const watched = migrations.map(migration => ({
        ...migration,
        up: rehearsed(scratch, migration, record, outside.running, rehearsal => rehearsals.push(rehearsal)),
      }))
      const afterEach = () => undefined
      const run = await attemptAsync(() => runAll(scratch, watched, { version, signal, afterEach, hook: around }))
      return 'error' in run ? run.error : undefined
    })
    if (failed !== undefined && !isFailure(failed, 'MIGRATION_FAILED')) throw failed
    return files.map(file => {
      const rehearsal = rehearsals.find(({ name }) => name === file.name)
      const notRun = finding('HM001', 'was not run, because an earlier migration fails', undefined)
      const found: readonly Placed[] = [
        ...[...findNumber(file, files), ...outside.findings(file)].map(place(null)),
        ...(rehearsal?.up ?? [notRun]).map(place('up')),
        ...(rehearsal?.down ?? []).map(place('down')),
      ]
      const { open, unused } = applySuppressions(found, file.text, isSquawk)
      return { name: file.name, findings: [...open, ...unused] }
    })
  } finally {
    outside.stop()
  }
}

/** Its up, and then its down in a savepoint that is rolled back. */
const rehearsed =
  (
    { connection }: Scratch,
    { name, up, down, ...file }: LoadedMigration,
    record: (of: Omit<LoadedMigration, 'up' | 'down'>) => Promise<ServerRecording>,
    onRun: (name: string) => void,
    onEnd: (rehearsal: Rehearsal) => void,
  ): LoadedMigration['up'] =>
  async params => {
    onRun(name)
    const recording = await record({ name, ...file })
    const ran = await attemptAsync(() => up(params))
    if ('error' in ran) {
      onEnd({ name, up: [failure('HM001', ran.error, recording), ...findOnServer(recording)], down: [] })
      throw ran.error
    }
    const found = findOnServer(recording)
    if (down === undefined) return onEnd({ name, up: found, down: [] })
    await connection.query('SAVEPOINT migrator_down')
    const back = await record({ name, ...file, online: false })
    const reverted = await attemptAsync(() => down(params))
    const differs =
      'error' in reverted
        ? [failure('HM403', reverted.error, back)]
        : compareServerSchemas(recording.before, await readServerSchema(connection)).map(({ kind, name, what }) =>
            finding('HM402', `does not restore the ${kind} ${name}: ${what}`, undefined),
          )
    await connection.query('ROLLBACK TO migrator_down')
    await record({ name, ...file })
    return onEnd({ name, up: found, down: differs })
  }

const failure = (code: 'HM001' | 'HM403', error: unknown, { steps }: ServerRecording): Finding =>
  finding(
    code,
    `fails: ${reasonOf(error)}`,
    steps.findLast(step => step.error !== null),
  )

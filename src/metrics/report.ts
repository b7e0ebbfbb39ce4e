/** What `up` writes into MIGRATOR_METRICS_FILE: what the run knows when it ends. Nothing is counted for it. */

import { basename } from 'node:path'
import { listBackups } from '../backup/backups.ts'
import type { Context } from '../context.ts'
import { attempt, Failure, forShell, reasonOf } from '../failure.ts'
import { chmodSync, statSync } from '../fs.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { readMarker } from '../ready/marker.ts'
import { readSmallFile } from '../small-file.ts'
import { replaceFile } from '../volume/files.ts'
import { beginning, type Metrics, metricsText } from './prometheus.ts'

type Run = (context: Context, to: string | undefined) => Promise<void>

/**
 * Runs `up` and writes how it ended.
 * @throws Failure CONFIG_INVALID, before anything is done, if there is another file in the place of the metrics; what `run` throws
 */
export const reporting = async (context: Context, to: string | undefined, run: Run): Promise<void> => {
  if (context.config.metricsFile !== undefined) refuseOthersFile(context.config.metricsFile)
  const end = (exitCode: number) => report(context, { exitCode, endedAt: new Date().toISOString() })
  try {
    await run(context, to)
  } catch (error) {
    const failure = context.engine.explain(error)
    end(failure instanceof Failure ? failure.exitCode : 1)
    throw error
  }
  // of a server it is not known what is there after a run to a migration before the last
  if (to === undefined || context.engine.server === undefined) end(0)
}

const refuseOthersFile = (file: string): void => {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (stats === undefined || stats.size === 0) return
  const isOwn = stats.isFile() && String(readSmallFile(file, largest)).startsWith(beginning)
  if (isOwn) return
  const hint = `Name a file of its own, such as MIGRATOR_METRICS_FILE=${forShell(`${file}.prom`)}.`
  throw new Failure(
    'CONFIG_INVALID',
    `MIGRATOR_METRICS_FILE=${file} already exists, and is not a file of metrics`,
    hint,
  )
}

/** Maximum size of a file of metrics in bytes. */
const largest = 1024 * 1024

/**
 * Writes what is known now. Warns if it cannot: that is no reason to keep a hub from starting.
 * @param run how a run ended; left out where none did
 */
export const report = (context: Context, run?: Metrics['run']): void => {
  const file = context.config.metricsFile
  if (file === undefined) return
  const written = attempt(() => {
    // the run may have made it: a database or a marker is not replaced
    refuseOthersFile(file)
    replaceFile(file, metricsText({ ...metricsOf(context, run), version: context.version, run }))
    // node_exporter is another user. Some filesystems have no modes to change
    attempt(() => chmodSync(file, 0o644))
  })
  if (!('error' in written)) return
  context.log.warn('metrics.unwritten', `the metrics file ${file} cannot be written: ${reasonOf(written.error)}`, {
    file,
  })
}

const metricsOf = ({ config, engine }: Context, run: Metrics['run']): Omit<Metrics, 'version' | 'run'> => {
  const files = known(() => readMigrationFiles(config.migrations, engine.server === undefined ? 'sqlite' : 'postgres'))
  // a server has no marker: that a whole run ended well is all that is known
  if (engine.server !== undefined) {
    const ready = run?.exitCode === 0
    return { ...nothing, schema: ready ? files?.at(-1)?.name : undefined, ready }
  }
  const found = readMarker(config.readyFile)
  const marker = found?.database === basename(config.database) ? found : undefined
  return {
    schema: marker?.schema,
    ready: marker !== undefined,
    pending: marker && files?.filter(({ name }) => name > marker.schema).length,
    bytes: known(() => statSync(config.database) && engine.file?.bytes()),
    tables: [],
    lastBackup: known(() => listBackups(config.database))?.at(-1)?.madeAt,
    lastCheck: marker?.checkedAt ?? undefined,
  }
}

const nothing = { pending: undefined, bytes: undefined, tables: [], lastBackup: undefined, lastCheck: undefined }

/** A run that was refused for its folder is told of all the same. */
const known = <T>(read: () => T): T | undefined => {
  const outcome = attempt(read)
  return 'value' in outcome ? outcome.value : undefined
}

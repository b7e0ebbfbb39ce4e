import { keepBackup, withSafetyBackup } from '../backup/protect.ts'
import { type Context, confirm } from '../context.ts'
import { differenceLines } from '../dry-run/changes.ts'
import { type Reverted, revertMigrations } from '../dry-run/revert.ts'
import { type Reader, runPlain } from '../engine.ts'
import { Failure, isFailure } from '../failure.ts'
import type { AppliedMigration } from '../history.ts'
import { blamingStrays, stopsAlone } from '../migrations/blame.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { type LoadedMigration, loadMigrations } from '../migrations/load.ts'
import { namesHint, namesMeant, planWithoutConflicts } from '../migrations/plan.ts'
import { idleLimit, logStatements } from '../migrations/run.ts'
import { requireDatabase } from '../ready/lost.ts'
import { commitWithoutMarker, readMarker, refuseOthersMarker } from '../ready/marker.ts'
import { markReady, notMarked } from '../ready/readiness.ts'
import { withCopy } from '../sqlite/read-only.ts'
import { withDatabase } from '../sqlite/transaction.ts'
import { createProgress, didYouMean, formatThings } from '../text.ts'
import { probeFolderOf } from '../volume/volume.ts'

/** How far back: a number of migrations, or until the named one is the last applied. */
type Target = Readonly<{ steps: number; again?: TryAgain } | { to: string }>

/**
 * Applies to the copy what was undone there, up to `head`. With it the text of the last migration may be another one than was
 * applied: `redo` runs an edited one.
 */
export type TryAgain = (copy: string, migrations: readonly LoadedMigration[], head: string) => Promise<void>

/**
 * Reverts applied migrations by their `down`, last one first, in one transaction, after a dry run on a copy has shown what would
 * be lost and a person has confirmed. Makes a backup first and applies the guards of `up`: the run may lose no more than the dry
 * run did. Rewrites the ready marker afterwards.
 * @returns the names of the migrations that it undid, the last one first
 * @throws Failure CONFIG_INVALID for an unknown target, a migration without `down`, or no confirmation; MIGRATION_FAILED;
 *   DATABASE_BUSY if another run was faster, or more would be lost than was shown; what `up` throws
 */
export const down = async (context: Context, target: Target, yes: boolean): Promise<readonly string[]> => {
  const { config, engine, log, print, signal, version } = context
  const { database, readyFile } = config
  const again = 'steps' in target ? target.again : undefined
  await engine.validate('write')
  refuseOthersMarker(config)
  await requireDatabase(engine, config)
  const texts = readMigrationFiles(config.migrations)
  const migrations = await loadMigrations(texts, signal)
  const namesIn = async (reader: Reader) => {
    const known = again === undefined ? migrations : withRecordedHead(migrations, await reader.history())
    const { applied } = await planWithoutConflicts(reader, known, database)
    return namesToUndo(
      applied.map(({ name }) => name),
      migrations,
      target,
    )
  }
  const names = (await engine.read('wait', namesIn)) ?? []
  const [head] = names
  if (head === undefined) {
    log.info('down.nothing', `nothing to undo in ${database}`)
    return []
  }
  const onProgress = createProgress(log, 'rows')
  const options = { version, signal, idleLimit, onProgress, hook: runPlain, backup: undefined }
  const tried: Reverted[] = []
  await withCopy(context, async copy => {
    await withDatabase(context, copy, transaction =>
      revertMigrations(transaction, migrations, names, options, reverted => tried.push(reverted)),
    )
    await again?.(copy, migrations, head)
  }).catch(sayHowToMend(names, again))
  print(downText(database, tried))
  const safety = config.backup === 'auto' ? 'after a backup' : 'without a backup'
  await confirm(context, yes, `${names.join(', ')} will be undone in ${database}, ${safety}`)

  const start = performance.now()
  const checkedAt = await withDatabase(context, database, async transaction => {
    if ((await namesIn(transaction)).join() !== names.join())
      throw new Failure('DATABASE_BUSY', `${database} was migrated by another run just now`, 'Start again.')
    await transaction.probe()
    probeFolderOf(readyFile)
    const undone = texts.filter(({ name }) => names.includes(name)).map(({ text }) => text)
    const lastChecked = readMarker(readyFile)?.checkedAt ?? null
    const found = { isNew: false, head, lastChecked, texts: undone }
    const { checkedAt } = await blamingStrays(signal, () =>
      withSafetyBackup(context, transaction, found, async backup => {
        await revertMigrations(
          transaction,
          migrations,
          names,
          { ...options, hook: logStatements(log), backup },
          reverted => refuseMore(reverted, tried, database),
        )
        await commitWithoutMarker(engine, readyFile, transaction.commit)
      }),
    )
    return checkedAt
  }).catch(sayHowToMend(names, again))
  const now = await withDatabase({ ...context, signal: stopsAlone(signal) }, database, transaction =>
    markReady(transaction, config, texts, { version, checkedAt }),
  ).catch(error => {
    throw notMarked(error, engine)
  })
  keepBackup(context)
  const milliseconds = Math.round(performance.now() - start)
  const done = `${names.length} undone in ${milliseconds} ms: ${database} is at ${now.schema || 'no migration'}`
  log.info('down.done', done, { undone: names, milliseconds, schema: now.schema })
  return names
}

/** The migrations, the last applied one with the checksum that was recorded. */
const withRecordedHead = (
  migrations: readonly LoadedMigration[],
  history: readonly AppliedMigration[],
): readonly LoadedMigration[] => {
  const head = history.at(-1)
  return migrations.map(migration =>
    migration.name === head?.name ? { ...migration, checksum: head.checksum ?? migration.checksum } : migration,
  )
}

/** A `down` that was mended is another text, which is refused until it is recorded, but for `redo`. */
const sayHowToMend =
  (names: readonly string[], again: TryAgain | undefined) =>
  (error: unknown): never => {
    const name = isFailure(error, 'MIGRATION_FAILED') ? names.find(name => error.message.includes(name)) : undefined
    if (!isFailure(error, 'MIGRATION_FAILED') || name === undefined) throw error
    const cure =
      again === undefined
        ? `Mend its down, record the new text by "migrator repair ${name}", then try again.`
        : 'Mend it, and try again.'
    const hint = `Everything was rolled back; the database is as it was. ${cure}`
    throw new Failure('MIGRATION_FAILED', error.message, hint, error.cause)
  }

/** The names of the migrations to undo, last one first. A pure function. @throws Failure CONFIG_INVALID as `down` does */
export const namesToUndo = (
  applied: readonly string[],
  migrations: readonly LoadedMigration[],
  target: Target,
): readonly string[] => {
  const backwards = applied.toReversed()
  const steps = 'steps' in target ? target.steps : backwards.indexOf(stayingOf(target.to, applied))
  const names = backwards.slice(0, steps)
  const stuck = names.find(name => migrations.find(migration => migration.name === name)?.down === undefined)
  if (stuck === undefined) return names
  const hint = 'Restore the backup from before it, or undo it by a new migration.'
  throw new Failure('CONFIG_INVALID', `${stuck} cannot be undone: it has no down`, hint)
}

const stayingOf = (word: string, applied: readonly string[]): string => {
  const [name, ...others] = namesMeant(word, applied)
  if (name !== undefined && others.length === 0) return name
  const problem =
    name === undefined ? `is not applied${didYouMean(word, applied)}` : `may be ${[name, ...others].join(' or ')}`
  throw new Failure('CONFIG_INVALID', `${word} ${problem}`, `It is the migration that stays the last one. ${namesHint}`)
}

/** A hub may have written since the dry run. */
const refuseMore = ({ name, lost }: Reverted, tried: readonly Reverted[], database: string): void => {
  const shown = tried.filter(trial => trial.name === name).flatMap(trial => trial.lost)
  const more = lost.filter(({ of, number }) => number > (shown.find(other => other.of === of)?.number ?? 0))
  if (more.length === 0) return
  const said = more.map(({ text }) => text).join('; ')
  const hint = 'Nothing was undone. Stop the hub, and start again to see what would be lost now.'
  throw new Failure(
    'DATABASE_BUSY',
    `${database} changed meanwhile, and more would be lost than was shown: ${said}`,
    hint,
  )
}

const downText = (database: string, tried: readonly Reverted[]): string => {
  const lines = tried.flatMap(({ name, structure, lost }) => [
    '',
    name,
    ...differenceLines(structure),
    ...(lost.length === 0
      ? ['  no row is lost, no value is gone, and no statement writes over a row']
      : lost.map(({ text }) => `  ${text}`)),
  ])
  return `${[`${database}: ${formatThings(tried.length, 'migration')} to undo, tried on a copy`, ...lines].join('\n')}\n`
}

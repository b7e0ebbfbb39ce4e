import { keepBackup, withSafetyBackup } from '../backup/protect.ts'
import { type Context, confirm } from '../context.ts'
import { differenceLines } from '../dry-run/changes.ts'
import { type Reverted, revertMigrations } from '../dry-run/revert.ts'
import { type Migratable, type Reader, runPlain, type Transaction } from '../engine.ts'
import { attemptAsync, Failure, isFailure, must } from '../failure.ts'
import type { AppliedMigration } from '../history.ts'
import { blamingStrays, stopsAlone } from '../migrations/blame.ts'
import { readMigrationFiles } from '../migrations/files.ts'
import { type LoadedMigration, loadMigrations } from '../migrations/load.ts'
import { headOf, planWithoutConflicts } from '../migrations/plan.ts'
import { idleLimit, logStatements, type RunOptions } from '../migrations/run.ts'
import { namesHint, namesMeant } from '../named.ts'
import { dialectOf } from '../on-server/history.ts'
import type { PostgresReader } from '../postgres/reader.ts'
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
 * Applies again what was undone in a trial, up to `head`. With it the text of the last migration may be another one than was
 * applied: `redo` runs an edited one.
 */
export type TryAgain = (database: Migratable, migrations: readonly LoadedMigration[], head: string) => Promise<unknown>

/**
 * Reverts applied migrations by their `down`, last one first, in one transaction, after a dry run on a copy has shown what would
 * be lost and a person has confirmed. Makes a backup first and applies the guards of `up`: the run may lose no more than the dry
 * run did. Rewrites the ready marker afterwards. On a server the dry run is a transaction that is rolled back, and the place to
 * recover to is named in place of a backup.
 * @returns the names of the migrations that it undid, the last one first
 * @throws Failure CONFIG_INVALID for an unknown target, a migration without `down`, or no confirmation; MIGRATION_FAILED;
 *   DATABASE_BUSY if another run was faster, or more would be lost than was shown; what `up` throws
 */
export const down = async (context: Context, target: Target, yes: boolean): Promise<readonly string[]> => {
  const { config, engine, log, print, signal } = context
  const { database } = config
  const again = 'steps' in target ? target.again : undefined
  await engine.validate('write')
  if (engine.server === undefined) {
    refuseOthersMarker(config)
    await requireDatabase(engine, config)
  }
  const texts = readMigrationFiles(config.migrations, dialectOf(engine))
  const load = engine.server === undefined ? loadMigrations : (await import('../on-server/online.ts')).loadForTrial
  const migrations = await load(texts, signal)
  const namesIn = async (reader: Reader) => {
    const known = again === undefined ? migrations : withRecordedHead(migrations, await reader.history())
    const { applied } = await planWithoutConflicts(reader, known, database)
    return namesToUndo(
      applied.map(({ name }) => name),
      migrations,
      target,
    )
  }
  const names = must(await engine.read('wait', namesIn))
  if (names.length === 0) {
    log.info('down.nothing', `nothing to undo in ${database}`)
    return []
  }
  const { trial, safety, undo } = engine.server === undefined ? onFile(context) : await onServer(context)
  const tried: Reverted[] = []
  await trial(migrations, names, reverted => tried.push(reverted), again).catch(sayHowToMend(names, again))
  print(downText(database, tried, engine.server === undefined ? 'on a copy' : 'and rolled back'))
  await confirm(context, yes, `${names.join(', ')} will be undone in ${database}, ${await safety()}`)

  const start = performance.now()
  const isStill = async (reader: Reader): Promise<void> => {
    if ((await namesIn(reader)).join() !== names.join())
      throw new Failure('DATABASE_BUSY', `another run migrated ${database} just now`, 'Try again.')
  }
  const schema = await undo(migrations, names, isStill, reverted => refuseMore(reverted, tried, database)).catch(
    sayHowToMend(names, again),
  )
  const milliseconds = Math.round(performance.now() - start)
  const done = `${names.length} undone in ${milliseconds} ms: ${database} is at ${schema || 'no migration'}`
  log.info('down.done', done, { undone: names, milliseconds, schema })
  return names
}

type OnReverted = (reverted: Reverted) => void

/** How an engine undoes migrations. */
type Means = Readonly<{
  /** undoes them where it does no harm */
  trial: (
    migrations: readonly LoadedMigration[],
    names: readonly string[],
    onReverted: OnReverted,
    again: TryAgain | undefined,
  ) => Promise<void>
  /** how it can be made good again, for the question */
  safety: () => Promise<string>
  /**
   * Undoes them in the database.
   * @param isStill throws if another run was faster
   * @param onReverted throws to refuse what a migration lost
   * @returns the migration it is at then; empty if none is applied
   */
  undo: (
    migrations: readonly LoadedMigration[],
    names: readonly string[],
    isStill: (reader: Reader) => Promise<void>,
    onReverted: OnReverted,
  ) => Promise<string>
}>

const optionsOf = ({ log, signal, version }: Context): RunOptions => ({
  ...{ version, signal, idleLimit, onProgress: createProgress(log, 'rows'), hook: runPlain, backup: undefined },
})

const onFile = (context: Context): Means => {
  const { config, engine, log, signal, version } = context
  const { database, readyFile } = config
  const options = optionsOf(context)
  return {
    trial: (migrations, names, onReverted, again) =>
      withCopy(context, async copy => {
        await withDatabase(context, copy, transaction =>
          revertMigrations(transaction, migrations, names, options, onReverted),
        )
        if (again !== undefined)
          await withDatabase(context, copy, transaction => again(transaction, migrations, must(names[0])))
      }),
    safety: async () => (config.backup === 'auto' ? 'after a backup' : 'without a backup'),
    undo: async (migrations, names, isStill, onReverted) => {
      const checkedAt = await withDatabase(context, database, async transaction => {
        await isStill(transaction)
        await transaction.probe()
        probeFolderOf(readyFile)
        const undone = migrations.filter(({ name }) => names.includes(name)).map(({ text }) => text)
        const lastChecked = readMarker(readyFile)?.checkedAt ?? null
        const found = { isNew: false, head: must(names[0]), lastChecked, texts: undone }
        const { checkedAt } = await blamingStrays(signal, () =>
          withSafetyBackup(context, transaction, found, async backup => {
            const hook = logStatements(log)
            await revertMigrations(transaction, migrations, names, { ...options, hook, backup }, onReverted)
            await commitWithoutMarker(engine, readyFile, transaction.commit)
          }),
        )
        return checkedAt
      })
      const { schema } = await withDatabase({ ...context, signal: stopsAlone(signal) }, database, transaction =>
        markReady(transaction, config, migrations, { version, checkedAt }),
      ).catch(error => {
        throw notMarked(error, engine)
      })
      keepBackup(context)
      return schema
    },
  }
}

/** On a server the trial is a transaction that is rolled back, and a place to recover to stands for the backup. */
const onServer = async (context: Context): Promise<Means> => {
  const { engine, log, signal } = context
  const [{ revertOnServer }, { readRestorePoint }] = await Promise.all([
    import('../dry-run/on-server.ts'),
    import('../postgres/examine.ts'),
  ])
  const options = optionsOf(context)
  const inTransaction = async <T>(work: (transaction: Transaction & PostgresReader) => Promise<T>): Promise<T> => {
    const session = await engine.open()
    const done = await attemptAsync(() =>
      session.transaction(async transaction => {
        await transaction.probe()
        return work(transaction as Transaction & PostgresReader)
      }),
    )
    await attemptAsync(() => session.close())
    if ('error' in done) throw engine.explain(done.error)
    return done.value
  }
  return {
    trial: async (migrations, names, onReverted, again) => {
      const rollBack = new Error('tried')
      const tried = await attemptAsync(() =>
        inTransaction(async transaction => {
          await blamingStrays(signal, () => revertOnServer(transaction, migrations, names, options, onReverted))
          await again?.(transaction, migrations, must(names[0]))
          throw rollBack
        }),
      )
      if ('error' in tried && tried.error !== rollBack) throw tried.error
    },
    safety: async () => {
      const { lsn, time } = await inTransaction(({ connection }) => readRestorePoint(connection))
      return `without a backup: to have it back, recover the server to LSN ${lsn}, ${time} UTC`
    },
    undo: (migrations, names, isStill, onReverted) =>
      inTransaction(async transaction => {
        await isStill(transaction)
        const { lsn, time } = await readRestorePoint(transaction.connection)
        const hook = logStatements(log)
        await blamingStrays(signal, async () => {
          await revertOnServer(transaction, migrations, names, { ...options, hook }, onReverted)
          await transaction.commit()
        })
        log.info('down.point', `before it ${context.config.database} was at LSN ${lsn}, ${time} UTC`, {
          lsn,
          recoverTo: time,
        })
        return headOf(migrations.filter(({ name }) => name < must(names.at(-1))))
      }),
  }
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
        ? `Fix its down, record the new text with \`migrator repair ${name}\`, then try again.`
        : 'Fix it, then try again.'
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

const downText = (database: string, tried: readonly Reverted[], how: string): string => {
  const lines = tried.flatMap(({ name, structure, lost }) => [
    '',
    name,
    ...differenceLines(structure),
    ...(lost.length === 0
      ? ['  no row is lost, no value is gone, and no statement writes over a row']
      : lost.map(({ text }) => `  ${text}`)),
  ])
  return `${[`${database}: ${formatThings(tried.length, 'migration')} to undo, tried ${how}`, ...lines].join('\n')}\n`
}

import type { Context } from '../context.ts'
import { runPlain } from '../engine.ts'
import { Failure } from '../failure.ts'
import { applyMigrations, idleLimit } from '../migrations/run.ts'
import { createProgress } from '../text.ts'
import { down, type TryAgain } from './down.ts'
import { up } from './up.ts'

/**
 * Undoes the last migration and applies it again, as its file is now: for development. Both ways are tried, on a copy or in
 * a transaction that is rolled back, before anything is changed. Each is all or nothing; between the two the database is at the migration before.
 * @throws Failure what `down` and `up` throw, but for a changed text of the last migration, which is what `redo` is for
 */
export const redo = async (context: Context, yes: boolean): Promise<void> => {
  const [name] = await down(context, { steps: 1, again: tryAgain(context) }, yes)
  if (name === undefined) return
  await up(context, name).catch(error => {
    const failure = context.engine.explain(error)
    if (!(failure instanceof Failure)) throw failure
    const cure = failure.code === 'MIGRATION_FAILED' ? 'Fix it.' : failure.hint
    const hint = `${name} is undone, and not applied again. ${cure} Then \`migrator up\` applies it.`
    throw new Failure(failure.code, failure.message, hint, failure.cause)
  })
}

const tryAgain =
  (context: Context): TryAgain =>
  (database, migrations, head) => {
    const { log, signal, version } = context
    const options = { version, signal, idleLimit, onProgress: createProgress(log, 'rows'), hook: runPlain }
    const wanted = migrations.filter(({ name }) => name <= head)
    return applyMigrations(database, wanted, { ...options, backup: undefined })
  }

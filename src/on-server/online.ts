import type { SchemaEditor } from '../engine.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { type LoadedMigration, loadMigrations, type Migration } from '../migrations/load.ts'

type Steps = Pick<SchemaEditor, 'addIndexConcurrently' | 'removeIndexConcurrently'>

/**
 * Loads migrations for a trial, in a transaction that is rolled back: an online one makes an ordinary index there.
 * @throws as loadMigrations
 */
export const loadForTrial = async (
  files: readonly MigrationFile[],
  signal: AbortSignal,
): Promise<readonly LoadedMigration[]> =>
  (await loadMigrations(files, signal)).map(migration =>
    asOnline(migration, context => ({
      addIndexConcurrently: context.addIndex,
      removeIndexConcurrently: context.removeIndex,
    })),
  )

/** Lets an online migration make one step, and nothing else: a run that is killed can then do it again. */
export const asOnline = (migration: LoadedMigration, stepsOf: (context: SchemaEditor) => Steps): LoadedMigration =>
  migration.online === true ? { ...migration, up: oneStep(migration.up, stepsOf) } : migration

const oneStep =
  (up: Migration, stepsOf: (context: SchemaEditor) => Steps): Migration =>
  async params => {
    let step: { readonly call: string; ended: boolean; readonly done: Promise<unknown> } | undefined
    const steps = stepsOf(params.context)
    const context = new Proxy(params.context, {
      get: (_, property) => {
        if (typeof property === 'symbol' || property === 'then') return undefined
        if (property !== 'addIndexConcurrently' && property !== 'removeIndexConcurrently') throw notAStep(property)
        return async (...given: Parameters<SchemaEditor['addIndexConcurrently']>) => {
          if (step !== undefined)
            throw new Error(
              `an online migration is one step: the second, ${property}, goes into a migration of its own`,
            )
          const made = { call: property, ended: false, done: steps[property](...(given as [never, never])) }
          step = made
          await made.done.finally(() => {
            made.ended = true
          })
        }
      },
    })
    await up({ ...params, context })
    if (step === undefined) return
    if (!step.ended) throw new Error(`it returned before ${step.call} was done (await every call)`)
    // an error that it caught
    await step.done
  }

const notAStep = (property: string): Error =>
  new Error(
    `an online migration calls addIndexConcurrently or removeIndexConcurrently and nothing else, not ${property}: it has no transaction that could undo it`,
  )

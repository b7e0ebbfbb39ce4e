/** What the guard takes of a migration: the same one with it and without, in this process, rolled back. For bench:big. */

import type { StatementHook } from '../src/engine.ts'
import { readMigrationFiles } from '../src/migrations/files.ts'
import { loadMigrations } from '../src/migrations/load.ts'
import { applyMigrations, createRunner } from '../src/migrations/run.ts'
import { openDatabase } from '../src/sqlite/connect.ts'
import { migratableOn } from '../src/sqlite/transaction.ts'

const ignore = (): void => undefined

/**
 * Runs the last migration of a folder and takes it back.
 * @param backup a copy of the database; undefined runs it without the guard
 * @returns milliseconds, without the look for every earlier row at the end, which bench:big tells by itself
 */
export const timeMigration = async (file: string, folder: string, backup: string | undefined): Promise<number> => {
  const { signal } = new AbortController()
  const last = (await loadMigrations(readMigrationFiles(folder), signal)).slice(-1)
  const connection = openDatabase(file)
  connection.pragma('foreign_keys = OFF')
  connection.exec('BEGIN IMMEDIATE')
  try {
    const database = migratableOn(connection)
    const hook: StatementHook = (_, execute) => execute()
    const common = { version: '1.0.0', hook, onProgress: ignore }
    // Sequelize is loaded for the first of them
    await database.editor(hook, ignore)
    const begin = performance.now()
    if (backup !== undefined) {
      const options = { ...common, signal, idleLimit: 600, backup, history: [] }
      const { compared } = await applyMigrations(database, last, options)
      return performance.now() - begin - compared
    }
    await createRunner(database, last, {
      ...common,
      executed: async () => [],
      within: async (_, work, record) => {
        await work()
        await record()
      },
      onApplied: ignore,
    }).up()
    return performance.now() - begin
  } finally {
    connection.exec('ROLLBACK')
    connection.close()
  }
}

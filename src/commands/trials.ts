import { countTables, type TableSize } from '../database/count-tables.ts'
import type { Connection } from '../database/open.ts'
import { countValues, type Values } from '../migrations/count-values.ts'
import { historyTable } from '../migrations/history.ts'
import type { LoadedMigration } from '../migrations/load.ts'
import { afterOf, createRecorder, type Recording } from '../migrations/recorder.ts'

/** What a migration did, as far as it came. */
export type Trial = Readonly<{
  migration: LoadedMigration
  recording: Recording
  /** rows of each table */
  before: readonly TableSize[]
  valuesBefore: readonly Values[]
  /** what is known once it ended; undefined for one that was stopped */
  end: TrialEnd | undefined
}>

export type TrialEnd = Readonly<{
  after: readonly TableSize[]
  valuesAfter: readonly Values[]
  milliseconds: number
  /** by which the database grew */
  bytes: number
  /** it returned; otherwise it threw */
  returned: boolean
}>

/**
 * Watches migrations that are tried on a connection: `tried` makes one that leaves its Trial, `around` records its statements.
 * @param onRun told which migration runs next
 */
export const createTrials = (connection: Connection, onRun: (name: string) => void) => {
  const { around, record } = createRecorder(connection, () => false)
  const trials: Trial[] = []

  const tried = (migration: LoadedMigration): LoadedMigration => ({
    ...migration,
    up: async params => {
      onRun(migration.name)
      const bytes = sizeNow(connection)
      const recording = record()
      const valuesBefore = countValues(connection, recording.before)
      const trial = { migration, recording, before: countRows(connection), valuesBefore, end: undefined }
      trials.push(trial)
      const start = performance.now()
      const end = (returned: boolean): void => {
        const milliseconds = performance.now() - start
        // one that was stopped may end when all is rolled back and closed
        if (!connection.inTransaction) return
        const after = countRows(connection)
        const valuesAfter = countValues(connection, afterOf(recording))
        const bytesMore = sizeNow(connection) - bytes
        trials.splice(-1, 1, { ...trial, end: { after, valuesAfter, milliseconds, bytes: bytesMore, returned } })
      }
      try {
        await migration.up(params)
        end(true)
      } catch (error) {
        end(false)
        throw error
      }
    },
  })

  return { around, tried, trials }
}

/** Bytes of a database, as it would be after a commit now. */
export const sizeNow = (connection: Connection): number =>
  Number(connection.prepare('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size').pluck().get())

const countRows = (connection: Connection): readonly TableSize[] =>
  countTables(connection).filter(({ name }) => name !== historyTable)

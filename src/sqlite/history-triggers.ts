import { must } from '../failure.ts'
import { historyTable } from '../history.ts'
import type { Connection } from './connect.ts'

/** Tells whether the history was written since `begin`, without reading it. */
export type HistoryWatch = Readonly<{
  begin: () => void
  /** false also where the schema changed, by which a table comes and goes without a trigger */
  isUntouched: () => boolean
}>

const events = ['INSERT', 'UPDATE', 'DELETE']

/** Watches an ordinary table by temporary triggers, whose notes are rolled back with what they note. */
export const watchHistory = (connection: Connection): HistoryWatch => {
  connection.exec('CREATE TEMP TABLE "migrator history" (written)')
  const clear = connection.prepare('DELETE FROM temp."migrator history"')
  const state = connection
    .prepare<[], readonly [number, number]>(
      'SELECT schema_version, EXISTS (SELECT 1 FROM temp."migrator history") FROM main.pragma_schema_version',
    )
    .raw()
  const places = connection
    .prepare<[], string>(
      "SELECT tbl_name FROM sqlite_temp_schema WHERE type = 'trigger' AND name LIKE 'migrator history %'",
    )
    .pluck()
  /** A trigger goes with its table, and its name. */
  const requireTriggers = (): void => {
    const found = places.all()
    if (found.length === events.length && found.every(table => table === historyTable)) return
    // before, since the IGNORE of another trigger that skips such a one skips the row, too
    for (const event of events)
      connection.exec(`
        DROP TRIGGER IF EXISTS temp."migrator history ${event}";
        CREATE TEMP TRIGGER "migrator history ${event}" BEFORE ${event} ON main.${historyTable} BEGIN
          INSERT INTO "migrator history" VALUES (1);
        END`)
  }
  let version: unknown
  const begin = (): void => {
    clear.run()
    const [now] = must(state.get())
    if (now !== version) requireTriggers()
    version = now
  }
  begin()
  return {
    begin,
    isUntouched: () => {
      const [now, isWritten] = must(state.get())
      return now === version && isWritten === 0
    },
  }
}

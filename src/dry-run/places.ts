// This room is about SQLite.
import type { MigrationFile } from '../migrations/files.ts'
import { presentFrames } from '../sqlite/editor/calls.ts'
import { statementsOf } from '../sqlite/statements.ts'
import { type Place, placeInStack } from '../where.ts'

/** Where the statement that runs now stands in a migration; undefined if that cannot be told. */
export const presentPlace = ({ file, text }: MigrationFile, asked: string): Place | undefined => {
  if (!file.endsWith('.sql')) return placeInStack(presentFrames() ?? '', file)
  const found = statementsOf(text).find(({ sql }) => sql === asked)
  return found && { file, line: found.line, column: found.column }
}

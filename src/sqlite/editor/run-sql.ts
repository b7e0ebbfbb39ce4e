import { statementsOf } from '../statements.ts'
import { framesOf } from './calls.ts'
import { type Editing, run } from './editing.ts'

/**
 * Runs the statements of a text in turn, up to the first that fails.
 * @param file where the text is from: the stack of an error begins with the place of the statement in it
 */
export const runSql = async (editing: Editing, text: string, file: string | undefined): Promise<void> => {
  for (const { sql, line, column } of statementsOf(text)) {
    try {
      await run(editing, sql)
    } catch (error) {
      if (file !== undefined && error instanceof Error)
        error.stack = `${error.name}: ${error.message}\n    at ${file}:${line}:${column}\n${framesOf(error)}`
      throw error
    }
  }
}

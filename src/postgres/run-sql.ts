import type { Statement } from './sql.ts'
import { statementsOf } from './sql.ts'

/**
 * Runs the statements of a text in turn, up to the first that fails.
 * @param file where the text is from: the stack of an error begins with the place of the statement in it
 */
export const runSql = async (
  run: (sql: string) => Promise<unknown>,
  text: string,
  file: string | undefined,
): Promise<void> => {
  for (const statement of statementsOf(text)) {
    try {
      await run(statement.sql)
    } catch (error) {
      if (file !== undefined && error instanceof Error)
        error.stack = `${error.name}: ${error.message}\n    at ${file}:${placeIn(text, statement)}\n${framesOf(error)}`
      throw error
    }
  }
}

/** Line and column, from 1. */
const placeIn = (text: string, { start }: Statement): string => {
  const lines = text.slice(0, start).split('\n')
  return `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`
}

/** The lines of a stack that name a place. */
const framesOf = ({ stack = '' }: Error): string =>
  stack
    .split('\n')
    .filter(line => /^\s+at /.test(line))
    .join('\n')

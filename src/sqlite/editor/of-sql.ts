import type { SchemaEditor } from '../../engine.ts'
import { runStatements } from '../../sql-file.ts'
import { toSqlite3Error } from '../bridge/execute.ts'
import type { Handle } from '../bridge/handle.ts'
import type { SqliteHook } from '../bridge/session.ts'
import { statementsOf } from '../statements.ts'
import { rememberingCall } from './calls.ts'

/** What migrations in SQL get as `context`: without Sequelize, which takes a third of a first run to load. */
export const editorOfSql = (handle: Handle, around: SqliteHook): SchemaEditor => {
  const { run } = handle.open(around)
  const query = (sql: string): Promise<void> =>
    new Promise((resolve, reject) =>
      run({ sql, bound: [] }, outcome => {
        if ('value' in outcome) resolve()
        // with its statement, as an error of Sequelize has it
        else reject(Object.assign(toSqlite3Error(outcome.error), { sql }))
      }),
    )
  const runSql: SchemaEditor['runSql'] = (text, file) =>
    rememberingCall(() => runStatements(statementsOf(text), query, file))
  return { runSql } as SchemaEditor
}

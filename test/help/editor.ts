import { runPlain, type SchemaEditor, type StatementHook } from '../../src/engine.ts'
import { createHandle } from '../../src/sqlite/bridge/handle.ts'
import { connectHandle } from '../../src/sqlite/bridge/sequelize.ts'
import type { Connection } from '../../src/sqlite/connect.ts'
import { makeSafe } from '../../src/sqlite/editor/editor.ts'

/** What a migration gets as its context, on an open connection. */
export const makeEditor = (connection: Connection, around: StatementHook = runPlain): SchemaEditor =>
  makeSafe(connection, connectHandle(createHandle(connection), around).getQueryInterface(), {
    onProgress: () => undefined,
    isAdopted: () => false,
  })

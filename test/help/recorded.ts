import Database from 'better-sqlite3'
import type { Test } from 'tap'
import { createRecorder, type Recording } from '../../src/dry-run/record.ts'
import { createHandle } from '../../src/sqlite/bridge/handle.ts'
import { createBridge } from '../../src/sqlite/bridge/sequelize.ts'

/** What a migration's statements do to a database that others made, recorded through the bridge as plan and lint do. */
export const recordStatements = async (
  t: Pick<Test, 'teardown'>,
  made: string,
  statements: readonly string[],
): Promise<Recording> => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.pragma('foreign_keys = OFF')
  connection.exec(`${made}; BEGIN`)
  const { around, record } = createRecorder(connection, () => true)
  const handle = createHandle(connection)
  const bridge = createBridge(() => handle.open(around), String)
  const face = new bridge.Database(':memory:', bridge.OPEN_READWRITE, () => undefined)
  const recording = record()
  for (const sql of statements) await new Promise(resolve => face.run(sql, [], resolve))
  return recording
}

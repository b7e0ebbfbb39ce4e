import { join } from 'node:path'
import type { Test } from 'tap'
import { type Connection, openDatabase } from '../../src/sqlite/connect.ts'
import { runProgram, settingsFor } from './program.ts'

/** A database in a test's folder, made by the real program; open until the test is over. */
export const makeMigrated = async (
  t: Pick<Test, 'testdir' | 'teardown'>,
): Promise<Readonly<{ folder: string; file: string; connection: Connection }>> => {
  const folder = t.testdir()
  const { exitCode, stderr } = await runProgram([], settingsFor(folder))
  if (exitCode !== 0) throw new Error(`the migrator exited ${exitCode}: ${stderr}`)
  const file = join(folder, 'homelab.db')
  const connection = openDatabase(file)
  t.teardown(() => connection.close())
  return { folder, file, connection }
}

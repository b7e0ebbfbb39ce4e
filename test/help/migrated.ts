import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Connection, openDatabase } from '../../src/sqlite/connect.ts'
import { runProgram, settingsFor } from './program.ts'

/** A volume made by the real program, once a process. */
const makeVolume = async (): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'migrated-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  const { exitCode, stderr } = await runProgram([], settingsFor(folder))
  if (exitCode !== 0) throw new Error(`the migrator exited ${exitCode}: ${stderr}`)
  return folder
}
let made: Promise<string> | undefined

/** A volume that the program made ready, in a test's folder. */
export const copyMigrated = async (t: Pick<Test, 'testdir'>): Promise<string> => {
  made ??= makeVolume()
  const folder = t.testdir()
  cpSync(await made, folder, { recursive: true })
  return folder
}

/** Its database is open until the test is over. */
export const makeMigrated = async (
  t: Pick<Test, 'testdir' | 'teardown'>,
): Promise<Readonly<{ folder: string; file: string; connection: Connection }>> => {
  const folder = await copyMigrated(t)
  const file = join(folder, 'homelab.db')
  const connection = openDatabase(file)
  t.teardown(() => connection.close())
  return { folder, file, connection }
}

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Test } from 'tap'
import { firstThree } from './first-three.ts'
import { runProgram, settingsFor, spawnProgram } from './program.ts'

/**
 * A volume, a place for temporary files, and the image's migrations, to which `add` adds more. `fill` puts a database
 * there that is at the image's, with 2 servers and 100 metrics.
 */
export const prepareVolume = (t: Pick<Test, 'testdir' | 'strictSame'>) => {
  const folder = t.testdir({ data: {}, tmp: {}, migrations: {} })
  const data = join(folder, 'data')
  const tmp = join(folder, 'tmp')
  const migrations = join(folder, 'migrations')
  const file = join(data, 'homelab.db')
  cpSync(firstThree, migrations, { recursive: true })
  const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: migrations, TMPDIR: tmp })
  const runBy =
    (start: typeof runProgram) =>
    async (...words: readonly string[]) => {
      const outcome = await start(words, settings)
      t.strictSame(readdirSync(tmp), [], 'no copy is left')
      return outcome
    }
  const add = (files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(migrations, name), text)
  }
  const fill = async (): Promise<void> => {
    template ??= makeTemplate()
    for (const [name, content] of await template) writeFileSync(join(data, name), content)
  }
  return { folder, data, tmp, file, settings, run: runBy(runProgram), spawn: runBy(spawnProgram), add, fill }
}

/** Files of a volume that is brought up and filled; made once, for `up` takes its time. */
let template: Promise<readonly (readonly [name: string, content: Buffer])[]> | undefined

const makeTemplate = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'planned-'))
  try {
    const { exitCode, stderr } = await runProgram([], settingsFor(folder))
    if (exitCode !== 0) throw new Error(`up exited ${exitCode}: ${stderr}`)
    const connection = new Database(join(folder, 'homelab.db'))
    connection.exec(`INSERT INTO servers (id, hostname, tdp_watts) VALUES ('omv', 'omv.lan', 35), ('pi', 'pi.lan', NULL);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
      INSERT INTO metrics (server_id, timestamp, load_1m) SELECT 'omv', '2026-01-18 10:00:00', i / 3.0 FROM n`)
    connection.close()
    return readdirSync(folder).map(name => [name, readFileSync(join(folder, name))] as const)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A migration out of the body of its `up`. */
export const migration = (up: string): string => `import { DataTypes } from 'sequelize'
export const up = async ({ context: schema }) => {
  const run = (sql, options) => schema.sequelize.query(sql, options)
  void DataTypes
  ${up}
}`

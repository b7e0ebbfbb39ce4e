/**
 * What it costs to look for every row before a commit, beside a backup: of 1,000,000 and of 5,000,000 metrics, the milliseconds that `up`
 * tells of it (event `rows.compared`) with a migration that adds a column, and VACUUM INTO typed into the sqlite3 shell, in turns.
 * In WAL mode, with the run's own backup in rollback-journal mode, and there without one.
 * `npm run bench:rows` fails when it takes over twice VACUUM INTO.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { firstThree } from '../test/help/first-three.ts'
import { makeDatabase, median, program, withFolder } from './measure.ts'

const rounds = 3
const limit = 2

const modes = [
  { name: 'WAL', journal: 'wal', backup: 'never' },
  { name: 'rollback journal, backup', journal: 'delete', backup: 'auto' },
  { name: 'rollback journal alone', journal: 'delete', backup: 'never' },
] as const

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`

await withFolder(folder => {
  const migrations = join(folder, 'migrations')
  cpSync(firstThree, migrations, { recursive: true })
  writeFileSync(
    join(migrations, '0004-add-room.js'),
    "export const up = ({ context }) => context.addColumn('servers', 'room', 'TEXT')\n",
  )
  for (const metrics of [1_000_000, 5_000_000]) {
    const [pristine, volume] = [join(folder, 'pristine.db'), join(folder, 'volume')]
    makeDatabase(pristine, metrics)
    const connection = new Database(pristine)
    connection.pragma('journal_mode = delete')
    connection.close()
    const file = join(volume, 'homelab.db')
    const compare = ({ journal, backup }: (typeof modes)[number]): number => {
      rmSync(volume, { recursive: true, force: true })
      mkdirSync(volume)
      copyFileSync(pristine, file)
      const opened = new Database(file)
      opened.pragma(`journal_mode = ${journal}`)
      opened.close()
      const env = {
        ...{ PATH: process.env.PATH, DATABASE_URL: `sqlite:${file}`, MIGRATOR_MIGRATIONS: migrations },
        ...{ MIGRATOR_LOG_LEVEL: 'debug', MIGRATOR_LOG_FORMAT: 'json', MIGRATOR_BACKUP: backup },
      }
      const { status, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8', env })
      const told = /"event":"rows.compared".*?"milliseconds":(\d+)/.exec(stderr)?.[1]
      if (status !== 0 || told === undefined) throw new Error(`the migrator exited ${status}: ${stderr}`)
      return Number(told)
    }
    const copy = (): number => {
      const into = join(folder, 'copy.db')
      rmSync(into, { force: true })
      const start = performance.now()
      const { status, stderr } = spawnSync('sqlite3', [pristine, `VACUUM INTO '${into}'`], { encoding: 'utf8' })
      if (status !== 0) throw new Error(`sqlite3 exited ${status}: ${stderr}`)
      return performance.now() - start
    }
    copy()
    const turns = Array.from({ length: rounds }, () => ({ copy: copy(), compared: modes.map(compare) }))
    const copied = median(turns.map(turn => turn.copy))
    console.log(`${metrics.toLocaleString('en')} metrics, medians of ${rounds}: VACUUM INTO ${seconds(copied)}`)
    for (const [index, { name }] of modes.entries()) {
      const compared = median(turns.map(turn => turn.compared[index] ?? Number.NaN))
      console.log(
        `  looking for every row, ${name}: ${seconds(compared)}, ${(compared / copied).toFixed(2)} times that`,
      )
      if (compared > limit * copied) process.exitCode = 1
    }
    for (const path of [pristine, `${pristine}-wal`, `${pristine}-shm`, join(folder, '.ready')])
      rmSync(path, { force: true })
  }
})

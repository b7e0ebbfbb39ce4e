/**
 * What safety costs: a migration that rebuilds a table of 1,000,000 metrics with its index, (a) as statements typed into the
 * sqlite3 shell, (b) by rebuildTable, (c) by rebuildTable in a migration with all its guards; each on a fresh copy, interleaved.
 * `npm run bench:rebuild` prints medians, and fails when (b) takes over 1.15 times (a), or (c) over 1.1 times (b).
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { runPlain } from '../src/engine.ts'
import { readMigrationFiles } from '../src/migrations/files.ts'
import { loadMigrations, type Migration } from '../src/migrations/load.ts'
import { applyMigrations, idleLimit } from '../src/migrations/run.ts'
import { connectSequelize } from '../src/sqlite/bridge/sequelize.ts'
import { withTransaction } from '../src/sqlite/connect.ts'
import { makeSafe } from '../src/sqlite/editor/editor.ts'
import { migratableOn } from '../src/sqlite/transaction.ts'
import { makeDatabase, median, withFolder } from './measure.ts'

const metrics = 1_000_000
const rounds = 9
const goals = { rebuild: 1.15, guards: 1.1 }

const signal = new AbortController().signal
const patience = { lockTimeout: 5, signal, onWait: () => undefined }
const known = await loadMigrations(
  readMigrationFiles(join(import.meta.dirname, '../migrations')),
  new AbortController().signal,
)

/** The definition that metrics have, with one CHECK more. */
const definitionIn = (file: string): string => {
  const connection = new Database(file, { readonly: true })
  const sql = connection.prepare("SELECT sql FROM sqlite_schema WHERE name = 'metrics'").pluck().get()
  connection.close()
  return String(sql).replace(/\)$/, ', CHECK (cpu_percent >= 0))')
}

const timed = async (work: () => unknown): Promise<number> => {
  const start = performance.now()
  await work()
  return performance.now() - start
}

await withFolder(async folder => {
  const pristine = join(folder, 'pristine.db')
  makeDatabase(pristine, metrics)
  const createSql = definitionIn(pristine)
  const typed = `
    PRAGMA foreign_keys = OFF;
    BEGIN IMMEDIATE;
    ${createSql.replace('`metrics`', '"rebuilt metrics"')};
    INSERT INTO "rebuilt metrics" SELECT * FROM metrics;
    SELECT (SELECT count(*) FROM metrics) = (SELECT count(*) FROM "rebuilt metrics");
    UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'metrics') WHERE name = 'rebuilt metrics';
    DROP TABLE metrics;
    ALTER TABLE "rebuilt metrics" RENAME TO metrics;
    CREATE INDEX idx_metrics_server_timestamp ON metrics (server_id, timestamp);
    PRAGMA foreign_key_check;
    COMMIT;
    PRAGMA foreign_keys = ON;`
  const fresh = (): string => {
    const file = join(folder, 'homelab.db')
    copyFileSync(pristine, file)
    return file
  }
  const inShell = async (): Promise<number> => {
    const file = fresh()
    return timed(() => {
      const { status, stderr } = spawnSync('sqlite3', ['-bail', file], { input: typed, encoding: 'utf8' })
      if (status !== 0) throw new Error(`sqlite3 exited ${status}: ${stderr}`)
    })
  }
  const migrate: Migration = ({ context }) => context.rebuildTable('metrics', createSql)
  const inProcess = async (work: (connection: Database.Database) => Promise<unknown>): Promise<number> => {
    const file = fresh()
    return timed(async () => {
      const connection = new Database(file)
      await withTransaction(connection, patience, () => work(connection))
      connection.close()
    })
  }
  const bare = () =>
    inProcess(async connection => {
      const context = makeSafe(connection, connectSequelize(connection).getQueryInterface(), {
        onProgress: () => undefined,
        isAdopted: () => false,
      })
      await migrate({ name: '', context })
      connection.pragma('foreign_key_check')
    })
  const next = { name: '0004-x', file: '', text: '', checksum: '', up: migrate, down: undefined, removesRows: [] }
  const options = { version: '', signal, idleLimit, onProgress: () => undefined, hook: runPlain, backup: undefined }
  const guarded = () => inProcess(connection => applyMigrations(migratableOn(connection), [...known, next], options))

  const times: { shell: number; bare: number; guarded: number }[] = []
  for (let round = 0; round < rounds; round += 1) {
    times.push({ shell: await inShell(), bare: await bare(), guarded: await guarded() })
  }
  const [shell, rebuild, all] = [
    median(times.map(time => time.shell)),
    median(times.map(time => time.bare)),
    median(times.map(time => time.guarded)),
  ]
  const ratios = { rebuild: rebuild / shell, guards: all / rebuild }
  console.log(`a rebuild of ${metrics.toLocaleString('en')} metrics, medians of ${rounds} interleaved rounds`)
  console.log(`typed into the sqlite3 shell ${shell.toFixed(0)} ms`)
  console.log(`rebuildTable ${rebuild.toFixed(0)} ms, ${ratios.rebuild.toFixed(2)} times that`)
  console.log(`with all guards ${all.toFixed(0)} ms, ${ratios.guards.toFixed(2)} times rebuildTable alone`)
  process.exitCode = ratios.rebuild <= goals.rebuild && ratios.guards <= goals.guards ? 0 : 1
})

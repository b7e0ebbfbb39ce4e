import { spawnSync } from 'node:child_process'
import { root } from './program.ts'

/** Has a writer killed in the middle of a transaction that fills table a of a database in rollback-journal mode. */
export const leaveHotJournal = (file: string): void => {
  const script = `const d = new (require('better-sqlite3'))(process.argv[1]); d.pragma('cache_size = 5')
    d.exec("BEGIN; INSERT INTO a WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT hex(randomblob(50)) FROM n")
    process.kill(process.pid, 'SIGKILL')`
  const { signal } = spawnSync(process.execPath, ['-e', script, file], { cwd: root })
  if (signal !== 'SIGKILL') throw new Error('the writer was to be killed')
}

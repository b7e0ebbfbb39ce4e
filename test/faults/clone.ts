/** A backup where the filesystem can clone files: it takes no room. Needs root and mkfs.btrfs. */
import { execFileSync, spawnSync } from 'node:child_process'
import { statfsSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { withMount } from '../help/mount.ts'
import { dump, runProgram, settingsFor } from '../help/program.ts'

const skip =
  (process.getuid?.() !== 0 || spawnSync('mkfs.btrfs', ['--version']).status !== 0) && 'needs root and mkfs.btrfs'

t.test(
  'on btrfs a backup of 20 MB takes less than 1 MB, and does not follow what is written later',
  { skip },
  async t => {
    const folder = t.testdir({ data: {}, image: '' })
    const [data, image] = [join(folder, 'data'), join(folder, 'image')]
    truncateSync(image, 256 * 1024 * 1024)
    execFileSync('mkfs.btrfs', ['-q', image])
    await withMount(data, ['-o', 'loop', image], async () => {
      await runProgram([], settingsFor(data))
      const connection = new Database(join(data, 'homelab.db'))
      connection.exec(`CREATE TABLE noise (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
      INSERT INTO noise SELECT randomblob(10000) FROM n; PRAGMA wal_checkpoint(TRUNCATE)`)
      execFileSync('sync', ['--file-system', data])
      const free = () => {
        const { bavail, bsize } = statfsSync(data)
        return bavail * bsize
      }
      const [before, content] = [free(), dump(join(data, 'homelab.db'))]
      const { exitCode, stdout } = await runProgram(['backup'], settingsFor(data))
      t.equal(exitCode, 0)
      execFileSync('sync', ['--file-system', data])
      t.ok(before - free() < 1024 * 1024, `${before - free()} bytes`)
      connection.exec("UPDATE noise SET x = 'written later'; PRAGMA wal_checkpoint(TRUNCATE)")
      connection.close()
      t.equal(dump(stdout.trim()), content)
    })
  },
)

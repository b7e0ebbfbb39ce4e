/** Copies where the filesystem can clone files: they take no room. Needs root and mkfs.btrfs. */
import { execFileSync, spawnSync } from 'node:child_process'
import { statfsSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { copyWithoutTrace } from '../../src/sqlite/read-only.ts'
import { withMount } from '../help/mount.ts'
import { dump, runProgram, settingsFor } from '../help/program.ts'

const skip =
  (process.getuid?.() !== 0 || spawnSync('mkfs.btrfs', ['--version']).status !== 0) && 'needs root and mkfs.btrfs'

/** Runs `work` on a btrfs with a database of 20 MB. @param work gets its folder, and what tells the bytes that are free */
const onBtrfs = async (t: Pick<Test, 'testdir'>, work: (data: string, free: () => number) => Promise<void>) => {
  const folder = t.testdir({ data: {}, image: '' })
  const [data, image] = [join(folder, 'data'), join(folder, 'image')]
  truncateSync(image, 256 * 1024 * 1024)
  execFileSync('mkfs.btrfs', ['-q', image])
  await withMount(data, ['-o', 'loop', image], async () => {
    await runProgram([], settingsFor(data))
    const connection = new Database(join(data, 'homelab.db'))
    connection.exec(`CREATE TABLE noise (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
      INSERT INTO noise SELECT randomblob(10000) FROM n`)
    connection.close()
    await work(data, () => {
      execFileSync('sync', ['--file-system', data])
      const { bavail, bsize } = statfsSync(data)
      return bavail * bsize
    })
  })
}

t.test(
  'on btrfs a backup of 20 MB takes less than 1 MB, and does not follow what is written later',
  { skip },
  async t =>
    onBtrfs(t, async (data, free) => {
      const [before, content] = [free(), dump(join(data, 'homelab.db'))]
      const { exitCode, stdout } = await runProgram(['backup'], settingsFor(data))
      t.equal(exitCode, 0)
      t.ok(before - free() < 1024 * 1024, `${before - free()} bytes`)
      const connection = new Database(join(data, 'homelab.db'))
      connection.exec("UPDATE noise SET x = 'written later'; PRAGMA wal_checkpoint(TRUNCATE)")
      connection.close()
      t.equal(dump(stdout.trim()), content)
    }),
)

t.test('so does the copy on which migrations are tried, where its folder is on the same one', { skip }, async t =>
  onBtrfs(t, async (data, free) => {
    const [file, copy] = [join(data, 'homelab.db'), join(data, 'copy.db')]
    const before = free()
    const patience = { lockTimeout: 0, signal: new AbortController().signal, onWait: () => undefined }
    await copyWithoutTrace(file, copy, patience)
    t.ok(before - free() < 1024 * 1024, `${before - free()} bytes`)
    t.equal(dump(copy), dump(file))
  }),
)

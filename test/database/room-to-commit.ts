import { statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../src/database/open.ts'
import { refuseNoRoomToCommit } from '../../src/database/room-to-commit.ts'
import { withMount } from '../help/mount.ts'

const skip = process.getuid?.() !== 0 && 'needs root, to mount'
const fill = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) INSERT INTO a SELECT hex(randomblob(50)) FROM n`

for (const [mode, refused] of [
  ['wal', true],
  ['delete', false],
] as const) {
  t.test(
    `a transaction that leaves no room to put it into the database is refused (${mode}: ${refused})`,
    { skip },
    async t => {
      const data = join(t.testdir({ data: {} }), 'data')
      await withMount(data, ['-t', 'tmpfs', '-o', 'size=2m', 'none'], () => {
        const connection = openDatabase(join(data, 'x.db'))
        connection.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE a (x)`)
        connection.exec(`BEGIN IMMEDIATE; ${fill}`)
        refuseNoRoomToCommit(connection)
        const { bavail, bsize } = statfsSync(data)
        writeFileSync(join(data, 'filler'), Buffer.alloc(bavail * bsize - 200_000))
        if (refused)
          t.throws(() => refuseNoRoomToCommit(connection), { code: 'DISK_FULL', message: /the database grows by/ })
        else refuseNoRoomToCommit(connection)
        connection.close()
      })
    },
  )
}

t.test('one that changes what is there needs no more room', async t => {
  const connection = openDatabase(join(t.testdir(), 'x.db'))
  connection.exec(
    `PRAGMA journal_mode = WAL; CREATE TABLE a (x); ${fill}; PRAGMA wal_checkpoint; BEGIN IMMEDIATE; DELETE FROM a`,
  )
  refuseNoRoomToCommit(connection)
  connection.close()
})

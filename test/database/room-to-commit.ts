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
        refuseNoRoomToCommit(connection, false)
        const { bavail, bsize } = statfsSync(data)
        writeFileSync(join(data, 'filler'), Buffer.alloc(bavail * bsize - 200_000))
        if (refused)
          t.throws(() => refuseNoRoomToCommit(connection, false), {
            code: 'DISK_FULL',
            message: /the database takes in/,
          })
        else refuseNoRoomToCommit(connection, false)
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
  refuseNoRoomToCommit(connection, false)
  connection.close()
})

t.test('beside a clone it does, for what it writes over takes new blocks', { skip }, async t => {
  const data = join(t.testdir({ data: {} }), 'data')
  await withMount(data, ['-t', 'tmpfs', '-o', 'size=2m', 'none'], () => {
    const connection = openDatabase(join(data, 'x.db'))
    connection.exec(`PRAGMA journal_mode = WAL; CREATE TABLE a (x); ${fill}; PRAGMA wal_checkpoint(TRUNCATE)`)
    connection.exec("BEGIN IMMEDIATE; UPDATE a SET x = replace(x, 'A', 'B')")
    const { bavail, bsize } = statfsSync(data)
    writeFileSync(join(data, 'filler'), Buffer.alloc(bavail * bsize - 200_000))
    refuseNoRoomToCommit(connection, false)
    t.throws(() => refuseNoRoomToCommit(connection, true), { code: 'DISK_FULL', message: /the database takes in/ })
    connection.close()
  })
})

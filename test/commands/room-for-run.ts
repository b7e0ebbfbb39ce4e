import { readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type Database from 'better-sqlite3'
import t from 'tap'
import { makeLastingBackup, protect } from '../../src/commands/protect.ts'
import { openDatabase } from '../../src/database/open.ts'
import { makeContext } from '../help/context.ts'
import { withMount } from '../help/mount.ts'

const notRoot = process.getuid?.() !== 0 && 'needs root, to mount'
const found = { isNew: false, schema: '0001-x', marker: undefined, texts: [] }
const textOf = (text: string) => [{ name: '0002-y', file: '0002-y.js', text }]
const nothing = async () => undefined

const make = (folder: string): Database.Database => {
  const connection = openDatabase(join(folder, 'homelab.db'))
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1)')
  return connection
}

t.test(
  'room for the backup, for a table that is written anew and for its journal is counted beforehand',
  { skip: notRoot },
  async t => {
    const data = join(t.testdir({ data: {} }), 'data')
    await withMount(data, ['-t', 'tmpfs', '-o', 'size=4m', 'none'], async () => {
      const connection = make(data)
      connection.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000) INSERT INTO a SELECT hex(randomblob(50)) FROM n`,
      )
      const context = await makeContext(data)
      const protectFor = (text: string) => protect(context, connection, { ...found, texts: textOf(text) }, nothing)
      await t.rejects(protectFor("context.rebuildTable('a', '…')"), {
        code: 'DISK_FULL',
        message: /backup 1\.\d MB, rebuild of a 1\.\d MB, its journal 1\.\d MB, journal .*, ready marker/,
      })
      const whole = { code: 'DISK_FULL', message: /rebuild of a table 1\.\d MB/ }
      await t.rejects(protectFor('context.rebuildTable(name, sql)'), whole)
      t.strictSame(readdirSync(data), ['homelab.db'])
      await t.resolves(protectFor(''), 'for what writes no table there is room')
      connection.close()
    })
  },
)

t.test(
  'the room for a backup is that of the database and its WAL, on the filesystem that the backups are on',
  { skip: notRoot },
  async t => {
    const folder = t.testdir({ data: {}, elsewhere: {} })
    const data = join(folder, 'data')
    await withMount(data, ['-t', 'tmpfs', '-o', 'size=4m', 'none'], async () => {
      const connection = make(data)
      connection.exec(
        'PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; INSERT INTO a VALUES (randomblob(1500000))',
      )
      const context = await makeContext(data)
      writeFileSync(join(data, 'filler'), Buffer.alloc(2 * 1024 * 1024))
      await t.rejects(makeLastingBackup(context, 'x'), { code: 'DISK_FULL', message: /backup 1\.\d MB/ })
      const elsewhere = join(folder, 'elsewhere')
      symlinkSync(elsewhere, join(data, 'backups'))
      await t.resolves(makeLastingBackup(context, 'x'))
      t.equal(readdirSync(elsewhere).length, 1)
      connection.close()
    })
  },
)

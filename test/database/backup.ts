import { chmodSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { backUp, listBackups } from '../../src/database/backup.ts'
import { openDatabase } from '../../src/database/open.ts'
import { dump } from '../help/program.ts'

const make = (t: { testdir: () => string }): string => {
  const file = join(t.testdir(), 'homelab.db')
  const connection = openDatabase(file)
  connection.exec('CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)')
  connection.close()
  return file
}

t.test('a backup is the database, with its mode, under a name that says from what and when', async t => {
  const file = make(t)
  chmodSync(file, 0o660)
  const backup = backUp(file, '0002-x', 3)
  t.match(backup, /backups\/homelab-0002-x-\d{8}T\d{6}Z\.db$/)
  t.equal(dump(backup), dump(file))
  t.equal(statSync(backup).mode & 0o777, 0o660)
})

t.test('it can be made while another connection holds the write lock', async t => {
  const file = make(t)
  const writer = openDatabase(file)
  writer.exec('BEGIN IMMEDIATE')
  t.equal(dump(backUp(file, 'x', 3)), dump(file))
  writer.close()
})

t.test('only the newest are kept', async t => {
  const file = make(t)
  const folder = join(file, '../backups')
  mkdirSync(folder)
  for (const day of [1, 2, 3]) {
    const old = join(folder, `homelab-old-${day}.db`)
    writeFileSync(old, '')
    utimesSync(old, day, day)
  }
  writeFileSync(join(folder, 'notes.txt'), '')
  const backup = backUp(file, 'x', 2)
  t.strictSame(listBackups(file), [join(folder, 'homelab-old-3.db'), backup])
  t.equal(readdirSync(folder).includes('notes.txt'), true)
})

t.test('what a killed run left goes with the next', async t => {
  const file = make(t)
  mkdirSync(join(file, '../backups'))
  writeFileSync(join(file, '../backups/homelab-x.db.partial'), 'half')
  const backup = backUp(file, 'x', 2)
  t.strictSame(readdirSync(join(file, '../backups')), [backup.split('/').at(-1)])
})

t.test('when the copy fails nothing is left, and older backups stay', async t => {
  const file = join(t.testdir({ 'homelab.db': 'no database', backups: { 'homelab-old.db': '' } }), 'homelab.db')
  t.throws(() => backUp(file, 'x', 1), { code: 'SQLITE_NOTADB' })
  t.strictSame(readdirSync(join(file, '../backups')), ['homelab-old.db'])
})

t.test('a folder without backups has none', async t => {
  t.strictSame(listBackups(join(t.testdir(), 'homelab.db')), [])
})

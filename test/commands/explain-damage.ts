import { spawnSync } from 'node:child_process'
import { copyFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { explainDamage } from '../../src/commands/explain-damage.ts'
import { Failure } from '../../src/failure.ts'
import { makeContext } from '../help/context.ts'
import { makeMigrated } from '../help/migrated.ts'
import { runProgram, settingsFor } from '../help/program.ts'

const damaged = new Failure('DATABASE_DAMAGED', 'homelab.db is damaged', 'hint')
const backupAt = (folder: string, day: number) =>
  join(folder, `backups/homelab-0003-add-os-info-2030010${day}T000000Z.db`)

t.test('the newest backup that is good is named, with the command that restores it', async t => {
  const { folder, file, connection } = await makeMigrated(t)
  connection.close()
  await runProgram(['backup'], settingsFor(folder))
  copyFileSync(file, backupAt(folder, 1))
  copyFileSync(file, backupAt(folder, 2))
  truncateSync(backupAt(folder, 2), 4096)
  writeFileSync(backupAt(folder, 3), 'no database')
  const explained = await explainDamage(damaged, await makeContext(folder))
  t.match(explained, { code: 'DATABASE_DAMAGED', message: damaged.message })
  t.ok(
    explained.hint.includes(`of 2030-01-01T00:00:00Z: "migrator restore --yes ${backupAt(folder, 1)}"`),
    explained.hint,
  )
})

t.test('the command can be pasted into a shell, wherever the volume lies', async t => {
  const folder = join(t.testdir({ "a hub's data": {} }), "a hub's data")
  await runProgram([], settingsFor(folder))
  await runProgram(['backup'], settingsFor(folder))
  const { hint } = await explainDamage(damaged, await makeContext(folder))
  const [, command = ''] = /"(migrator restore --yes .*)" puts/.exec(hint) ?? []
  const { stdout } = spawnSync('sh', ['-c', command.replace('migrator', 'printf "%s\\n"')], { encoding: 'utf8' })
  t.match(stdout.split('\n'), ['restore', '--yes', new RegExp(`${folder}/backups/homelab-.*db$`)])
})

t.test('where none is good, and where there is none, that is said', async t => {
  const folder = t.testdir({ backups: { 'homelab-empty-20300101T000000Z.db': 'no database' } })
  t.match(await explainDamage(damaged, await makeContext(folder)), { hint: /None of 1 backups is good/ })
  t.match(await explainDamage(damaged, await makeContext(t.testdir({}))), { hint: /There is no backup/ })
})

t.test('without a good backup the newest good one of what restores replaced is named', async t => {
  const { folder, file, connection } = await makeMigrated(t)
  connection.close()
  const replacedAt = (day: number) => `${file}.replaced-2030010${day}T000000Z`
  for (const day of [1, 2]) copyFileSync(file, replacedAt(day))
  writeFileSync(replacedAt(3), 'no database')
  writeFileSync(replacedAt(4), '')
  const { hint } = await explainDamage(damaged, await makeContext(folder))
  t.ok(hint.includes(`"migrator restore --yes ${replacedAt(2)}"`), hint)
})

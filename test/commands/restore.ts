import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { markUnfinished } from '../../src/backup/protect.ts'
import { explainDamage } from '../../src/commands/restore.ts'
import { Failure } from '../../src/failure.ts'
import { alembicSql, makeDatabase } from '../help/alembic.ts'
import { makeContext } from '../help/context.ts'
import { firstThree } from '../help/first-three.ts'
import { makeMigrated } from '../help/migrated.ts'
import { dump, entry, readJson, root, runProgram, settingsFor, spawnProgram } from '../help/program.ts'
import { compileShim, failing, noShim } from '../help/shim.ts'
import { uncounted } from '../help/uncounted.ts'

const damaged = new Failure('DATABASE_DAMAGED', 'homelab.db is damaged', 'hint')
const backupAt = (folder: string, day: number) =>
  join(folder, `backups/homelab--0003-add-os-info-2030010${day}T000000Z.db`)

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
    explained.hint.startsWith(
      `With the hub stopped, run \`migrator restore --yes ${basename(backupAt(folder, 1))}\`, which brings back the newest good backup, of 2030-01-01 00:00:00 UTC.`,
    ),
    explained.hint,
  )
})

t.test('the command can be pasted into a shell, wherever the volume lies', async t => {
  const folder = join(t.testdir({ "a hub's data": {} }), "a hub's data")
  await runProgram([], settingsFor(folder))
  await runProgram(['backup'], settingsFor(folder))
  const { hint } = await explainDamage(damaged, await makeContext(folder))
  const [, command = ''] = /`(migrator restore --yes .*)`/.exec(hint) ?? []
  const { stdout } = spawnSync('sh', ['-c', command.replace('migrator', 'printf "%s\\n"')], { encoding: 'utf8' })
  t.match(stdout.split('\n'), ['restore', '--yes', /^homelab--.*db$/])
})

t.test('where none is good, and where there is none, that is said', async t => {
  const folder = t.testdir({ backups: { 'homelab--empty-20300101T000000Z.db': 'no database' } })
  t.match(await explainDamage(damaged, await makeContext(folder)), { hint: /^No backup is good/ })
  // SQLite opens none with a folder in the place of its WAL
  mkdirSync(join(folder, 'backups/homelab--empty-20300101T000000Z.db-wal'))
  t.match(await explainDamage(damaged, await makeContext(folder)), { hint: /^No backup is good/ })
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
  t.ok(hint.includes(`\`migrator restore --yes ${basename(replacedAt(2))}\``), hint)
})

const run = (folder: string, ...words: readonly string[]) => runProgram(words, settingsFor(folder))
const addServer = (file: string, id: string): void => {
  const connection = new Database(file)
  connection.prepare("INSERT INTO servers (id, hostname) VALUES (?, 'x.lan')").run(id)
  connection.close()
}
const serversIn = (file: string): unknown => {
  const connection = new Database(file)
  const ids = connection.prepare('SELECT id FROM servers ORDER BY id').pluck().all()
  connection.close()
  return ids
}
const made = mkdtempSync(join(tmpdir(), 'volume-'))
t.teardown(() => rmSync(made, { recursive: true }))
await run(made)
addServer(join(made, 'homelab.db'), 'kept')
const madeBackup = basename((await run(made, 'backup')).stdout.trim())
addServer(join(made, 'homelab.db'), 'later')

/** A volume with a backup of one server, and a database of two. */
const prepare = (t: Pick<Test, 'testdir'>) => {
  const folder = t.testdir()
  cpSync(made, folder, { recursive: true })
  return { folder, file: join(folder, 'homelab.db'), backup: join(folder, 'backups', madeBackup) }
}
const replacedIn = (folder: string): readonly string[] =>
  readdirSync(folder).filter(name => /\.replaced-\d{8}T\d{6}Z$/.test(name))

for (const [title, wordsFor] of [
  ['by its path', (backup: string) => [backup]],
  ['by its name', (backup: string) => [backup.replace(/.*\//, '')]],
  ['as the newest', () => ['--latest']],
] as const) {
  t.test(`a backup is restored ${title}: what it replaced is kept, it stays, and the marker is true`, async t => {
    const { folder, file, backup } = prepare(t)
    const before = dump(file)
    const outcome = await run(folder, 'restore', ...wordsFor(backup), '--yes')
    t.match(outcome, { exitCode: 0, events: [{ event: 'restore.done', file: backup, replaced: String }] })
    t.strictSame(serversIn(file), ['kept'])
    t.equal(dump(join(folder, replacedIn(folder)[0] ?? '')), before)
    t.equal(existsSync(backup), true)
    t.match((await run(folder)).events, [{ event: 'up.nothing' }], 'the marker is true')
    t.strictSame(readdirSync(folder).toSorted(), ['.ready', 'backups', 'homelab.db', ...replacedIn(folder)])
  })
}

t.test('a marker that cannot be written once all is in place is told as that', async t => {
  const { folder, file } = prepare(t)
  mkdirSync(join(folder, '.ready.migrator-tmp'))
  t.match(await run(folder, 'restore', '--latest', '--yes'), {
    exitCode: 2,
    stderr: /is changed, but its ready marker is not written: .*EISDIR/,
  })
  t.strictSame(serversIn(file), ['kept'])
  t.equal(existsSync(join(folder, '.ready')), false)
  rmdirSync(join(folder, '.ready.migrator-tmp'))
  t.match(await run(folder), { exitCode: 0, events: [{ event: 'up.done', applied: 0 }] })
})

t.test('a run that tries the volume out at the same time is not disturbed', async t => {
  const { folder } = prepare(t)
  const probe = join(folder, 'homelab.db.migrator-probe')
  writeFileSync(probe, 'of the other run')
  t.match(await run(folder, 'restore', '--latest', '--yes'), { exitCode: 0 })
  t.equal(existsSync(probe), true)
})

t.test('two restores at once: each does it, or is told that the other one does', async t => {
  const { folder, file } = prepare(t)
  const outcomes = await Promise.all(
    [1, 2].map(() => spawnProgram(['restore', '--latest', '--yes'], settingsFor(folder))),
  )
  for (const { exitCode, stderr } of outcomes) t.ok(exitCode === 0 || exitCode === 20, stderr)
  t.ok(outcomes.some(({ exitCode }) => exitCode === 0))
  t.strictSame(serversIn(file), ['kept'])
})

t.test('a database that is lost gets the mode of the backup, and may be written', async t => {
  const { folder, file, backup } = prepare(t)
  rmSync(file)
  chmodSync(backup, 0o440)
  t.match(await run(folder, 'restore', backup, '--yes'), { exitCode: 0 })
  t.equal(statSync(file).mode & 0o777, 0o640)
})

t.test('what was replaced can be restored in its turn', async t => {
  const { folder, file } = prepare(t)
  await run(folder, 'restore', '--latest', '--yes')
  await run(folder, 'restore', join(folder, replacedIn(folder)[0] ?? ''), '--yes')
  t.strictSame(serversIn(file), ['kept', 'later'])
  t.equal(replacedIn(folder).length, 2)
  await run(folder, 'restore', replacedIn(folder)[1] ?? '', '--yes')
  t.strictSame(serversIn(file), ['kept'], 'by its name, too')
})

t.test('a damaged, missing or empty database is put right', async t => {
  for (const spoil of [
    (file: string) => truncateSync(file, 4096),
    (file: string) => writeFileSync(file, 'no database, '.repeat(1000)),
    (file: string) => rmSync(file),
    (file: string) => truncateSync(file),
  ]) {
    const { folder, file, backup } = prepare(t)
    spoil(file)
    const refused = await run(folder)
    t.match(refused, { exitCode: 30 })
    t.ok(refused.stderr.includes(`migrator restore --yes ${basename(backup)}`), 'the failure names the command')
    t.match(await run(folder, 'restore', backup, '--yes'), { exitCode: 0 })
    t.strictSame(serversIn(file), ['kept'])
    t.match((await run(folder)).events, [{ event: 'up.nothing' }])
  }
})

t.test('of a lost database without a backup the failure names what a restore replaced, and that mends it', async t => {
  const { folder, file, backup } = prepare(t)
  await run(folder, 'restore', '--latest', '--yes')
  for (const path of [backup, file]) rmSync(path)
  const command = `migrator restore --yes ${replacedIn(folder)[0]}`
  const { stderr } = await run(folder)
  t.ok(stderr.includes(command), stderr)
  t.match(await run(folder, ...command.split(' ').slice(1)), { exitCode: 0 })
  t.strictSame(serversIn(file), ['kept', 'later'])
})

t.test('after a backup of an older schema the marker tells of that, and up goes on from there', async t => {
  const { folder, file, backup } = prepare(t)
  const migrations = join(folder, 'migrations')
  cpSync(firstThree, migrations, { recursive: true })
  const next = "export const up = ({ context }) => context.sequelize.query('CREATE TABLE x (y)')"
  writeFileSync(join(migrations, '0004-x.js'), next)
  const settings = settingsFor(folder, { MIGRATOR_MIGRATIONS: migrations })
  copyFileSync(backup, `${folder}/old.db`)
  await runProgram([], settings)
  const outcome = await runProgram(['restore', `${folder}/old.db`, '--yes'], settings)
  t.match(outcome, { exitCode: 0, events: [{ event: 'restore.done' }, { event: 'restore.not-ready', level: 'warn' }] })
  t.match(readJson(join(folder, '.ready')), { schema: '0003-add-os-info' })
  t.match((await runProgram([], settings)).events.at(-1), { event: 'up.done', applied: 1 })
  t.match(readJson(join(folder, '.ready')), { schema: '0004-x' })
  t.strictSame(serversIn(file), ['kept'])
})

t.test('the backup of a run that was killed after its commit stays, once it was restored', async t => {
  const { folder, file, backup } = prepare(t)
  // as that run leaves it: see test/backup/protect.ts
  markUnfinished(file, backup)
  const migrations = join(folder, 'migrations')
  cpSync(firstThree, migrations, { recursive: true })
  writeFileSync(join(migrations, '0004-x.js'), 'export const up = async () => {}')
  t.match(await run(folder, 'restore', backup, '--yes'), { exitCode: 0 })
  const settings = settingsFor(folder, { MIGRATOR_MIGRATIONS: migrations })
  t.match((await runProgram([], settings)).events.at(-1), { event: 'up.done', applied: 1 })
  t.equal(existsSync(backup), true)
})

t.test("another tool's database is restored, without a marker, and what to do next is said", async t => {
  const { folder, file } = prepare(t)
  const foreign = makeDatabase(mkdtempSync(join(folder, 'other-')), alembicSql)
  t.match(await run(folder, 'restore', foreign, '--yes'), {
    exitCode: 0,
    events: [{ event: 'restore.done' }, { event: 'restore.not-ready', message: /see `migrator status`/ }],
  })
  t.equal(dump(file), dump(foreign))
  t.equal(existsSync(join(folder, '.ready')), false)
  t.match(await run(folder), { exitCode: 50, failure: 'HISTORY_CONFLICT' })
})

t.test('a damaged backup is refused by name, and nothing is changed', async t => {
  const { folder, file, backup } = prepare(t)
  truncateSync(backup, 4096)
  const before = [dump(file), readFileSync(join(folder, '.ready'), 'utf8'), readdirSync(folder)]
  const outcome = await run(folder, 'restore', backup, '--yes')
  t.match(outcome, { exitCode: 30, failure: 'DATABASE_DAMAGED' })
  t.ok(outcome.stderr.includes(backup))
  t.strictSame([dump(file), readFileSync(join(folder, '.ready'), 'utf8'), readdirSync(folder)], before)
})

t.test(
  'a restore that fails at its last step leaves the database in its journal mode, and the marker',
  { skip: noShim() },
  async t => {
    const place = t.testdir({ data: {}, shim: {} })
    const [folder, library, count] = [join(place, 'data'), compileShim(join(place, 'shim')), join(place, 'shim/count')]
    await run(folder)
    const backup = (await run(folder, 'backup')).stdout.trim()
    addServer(join(folder, 'homelab.db'), 'later')
    await run(folder)
    const files = () => readdirSync(folder).filter(name => name !== 'backups')
    const contents = () => files().map(name => [name, uncounted(join(folder, name))])
    const before = contents()
    // the second rename puts the backup in place; the first withdraws the marker
    const full = failing(library, folder, count, 'rename', 2, constants.errno.ENOSPC)
    t.match(await runProgram(['restore', backup, '--yes'], { ...settingsFor(folder), ...full }), {
      exitCode: 11,
      failure: 'DISK_FULL',
    })
    t.strictSame(contents(), before)
    t.match((await runProgram([], settingsFor(folder))).events, [{ event: 'up.nothing' }])
  },
)

t.test('while a hub has the database open it is refused with 20, and marker and database stay', async t => {
  const { folder, file, backup } = prepare(t)
  const before = [dump(file), readFileSync(join(folder, '.ready'), 'utf8'), readdirSync(folder)]
  const script = `const d = new (require('better-sqlite3'))(process.argv[1]); d.prepare('SELECT * FROM servers').get(); console.log('open'); setTimeout(() => {}, 60000)`
  const hub = spawn(process.execPath, ['-e', script, file], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise(resolve => hub.stdout.once('data', resolve))
  t.match(await run(folder, 'restore', backup, '--yes'), { exitCode: 20, failure: 'DATABASE_BUSY' })
  hub.kill()
  await new Promise(resolve => hub.once('close', resolve))
  t.strictSame([dump(file), readFileSync(join(folder, '.ready'), 'utf8'), readdirSync(folder)], before)
})

for (const [title, words, said] of [
  ['without a file', [], /no backup was named/],
  ['with a file and --latest', ['x.db', '--latest'], /--latest cannot both be given/],
  ['of a file that is not there', ['x.db'], /there is no backup/],
  ['of a folder', ['backups'], /there is no backup/],
  ['of the database itself', ['homelab.db'], /the database itself/],
] as const) {
  t.test(`${title} it is refused with 2, and nothing is changed`, async t => {
    const { folder, file } = prepare(t)
    const before = [dump(file), readdirSync(folder)]
    const paths = words.map(word => (word.startsWith('--') ? word : join(folder, word)))
    const outcome = await run(folder, 'restore', ...paths, '--yes')
    t.match(outcome, { exitCode: 2, failure: 'CONFIG_INVALID', stderr: said })
    t.strictSame([dump(file), readdirSync(folder)], before)
  })
}

t.test('MIGRATOR_CHECK=always reads the copy with integrity_check', async t => {
  const { folder, backup } = prepare(t)
  const outcome = await runProgram(['restore', backup, '--yes'], settingsFor(folder, { MIGRATOR_CHECK: 'always' }))
  t.match(outcome, { exitCode: 0 })
})

const notRoot = process.getuid?.() !== 0 && 'needs root, to hide /proc'

t.test('where the kernel shows no processes the lock alone tells', { skip: notRoot }, async t => {
  const { folder, file } = prepare(t)
  const command = `mount -t tmpfs none /proc && exec ${process.execPath} ${entry} restore --latest --yes`
  const env = { ...process.env, ...settingsFor(folder) }
  t.equal(spawnSync('unshare', ['-m', 'sh', '-c', command], { env }).status, 0)
  t.strictSame(serversIn(file), ['kept'])
})

t.test('without a terminal it wants --yes', async t => {
  const { folder, file } = prepare(t)
  const before = dump(file)
  t.match(await run(folder, 'restore', '--latest'), { exitCode: 2, failure: 'CONFIG_INVALID', stderr: /--yes/ })
  t.equal(dump(file), before)
})

t.test('with no backup --latest is refused', async t => {
  const folder = t.testdir()
  await run(folder)
  t.match(await run(folder, 'restore', '--latest', '--yes'), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

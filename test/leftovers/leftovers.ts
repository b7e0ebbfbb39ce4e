import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { markUnfinished } from '../../src/backup/protect.ts'
import { runProgram, settingsFor } from '../help/program.ts'

const replaced = 'homelab.db.replaced-20260118T100000Z'

/** A ready volume with one of each leftover, and what looks like one and is not. */
const prepare = async (t: Pick<Test, 'testdir'>): Promise<string> => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  for (const [name, bytes] of [
    [replaced, 1000],
    [`${replaced}-wal`, 500],
    ['.ready.withdrawn', 10],
    ['homelab.db.replaced-by-hand', 7],
    ['other.db.replaced-20260118T100000Z', 7],
  ] as const)
    writeFileSync(join(folder, name), 'x'.repeat(bytes))
  mkdirSync(join(folder, 'backups/.migrator-partial-homelab.db-abcdef'), { recursive: true })
  writeFileSync(join(folder, 'backups/.migrator-partial-homelab.db-abcdef/homelab.db'), 'x'.repeat(2000))
  return folder
}

t.test('replaced databases, a withdrawn marker and unfinished backups are told with their sizes', async t => {
  const folder = await prepare(t)
  const { stdout } = await runProgram(['status', '--json'], settingsFor(folder))
  t.match(JSON.parse(stdout).leftovers, [
    { kind: 'replaced', file: join(folder, replaced), bytes: 1500 },
    { kind: 'withdrawn marker', bytes: 10 },
    { kind: 'unfinished backup', bytes: 2000 },
  ])
  const settings = settingsFor(folder, { MIGRATOR_COMMAND: 'npx migrator' })
  for (const command of ['status', 'backups']) {
    const { stdout } = await runProgram([command], settings)
    t.match(stdout, /^3 leftovers, 3\.51 kB:$/m, command)
    t.match(stdout, 'Remove the replaced databases with `npx migrator backups prune`.', command)
  }
})

t.test('of more than ten the rest is counted, and what prune does not remove is not said of it', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  for (let index = 10; index < 22; index += 1) {
    const partial = join(folder, `backups/.migrator-partial-homelab.db-abcd${index}`)
    mkdirSync(partial, { recursive: true })
    // a link that leads nowhere has no size
    symlinkSync('nowhere', join(partial, 'link'))
    writeFileSync(join(partial, 'homelab.db'), 'x'.repeat(10))
  }
  const { stdout } = await runProgram(['backups'], settingsFor(folder))
  t.match(stdout, /12 leftovers, 120 B:\n/)
  t.match(stdout, /\n {2}and 2 more\n$/)
  t.notMatch(stdout, 'backups prune')
})

t.test('the backup of a run that failed is told, and a backup that was asked for is none', async t => {
  const folder = await prepare(t)
  await runProgram(['backup'], settingsFor(folder))
  const [file = ''] = readdirSync(join(folder, 'backups')).filter(name => name.startsWith('homelab--'))
  const leftovers = async () =>
    JSON.parse((await runProgram(['status', '--json'], settingsFor(folder))).stdout).leftovers
  const before = await leftovers()
  markUnfinished(join(folder, 'homelab.db'), join(folder, 'backups', file))
  const found = {
    kind: 'unfinished backup',
    file: join(folder, 'backups', file),
    bytes: statSync(join(folder, 'backups', file)).size,
  }
  t.strictSame(await leftovers(), [...before.slice(0, 2), found, ...before.slice(2)])
})

t.test('prune removes the replaced databases with their journals, and nothing else', async t => {
  const folder = await prepare(t)
  const run = (...words: string[]) => runProgram(['backups', ...words], settingsFor(folder))
  t.match(await run('prune'), { exitCode: 2, failure: 'CONFIG_INVALID' }, 'nobody said yes')
  t.ok(existsSync(join(folder, replaced)))
  t.match(await run('prune', '--yes'), { exitCode: 0, events: [{ event: 'backups.pruned', bytes: 1500 }] })
  for (const file of [replaced, `${replaced}-wal`]) t.notOk(existsSync(join(folder, file)), file)
  for (const file of ['homelab.db', '.ready', 'homelab.db.replaced-by-hand', 'other.db.replaced-20260118T100000Z'])
    t.ok(existsSync(join(folder, file)), file)
  t.match(await run('prune', '--yes'), { exitCode: 0, events: [{ message: 'nothing to remove' }] })
})

t.test('prune refuses where the database is lost: a replaced one may be all that is left of it', async t => {
  const folder = await prepare(t)
  rmSync(join(folder, 'homelab.db'))
  const outcome = await runProgram(['backups', 'prune', '--yes'], settingsFor(folder))
  t.match(outcome, { exitCode: 30, failure: 'DATABASE_DAMAGED' })
  t.ok(existsSync(join(folder, replaced)))
})

t.test('backups takes no other word', async t => {
  t.match(await runProgram(['backups', 'purge'], settingsFor(t.testdir())), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

/**
 * Power cuts. Each run is written down, call by call, and what every cut of it may leave is put together in three models of a
 * filesystem and opened: a tenth of it in `npm test`, all of it in `npm run test:faults`, which prints its figures.
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { digest } from '../../src/migrations/files.ts'
import { type Found, filesOf, isTrueMarker, makeQuickFolder, readVolume } from '../help/found.ts'
import { models, powerCuts } from '../help/power.ts'
import { runProgram, settingsFor } from '../help/program.ts'
import { type Change, compileShim, failing, noShim, readLog, recording } from '../help/shim.ts'

const long = process.env.FAULTS === 'long'
const seeds = long ? 4 : 0
const skip = noShim()

/** What is wrong with a state; nothing in most of them. */
const problemsOf = (found: Found, before: Found, after: Found, isEnd: boolean): readonly string[] => {
  const problems: string[] = []
  const { content, applied, marker } = found
  if (content !== before.content && content !== after.content) problems.push(`the database is neither before nor after`)
  if (marker !== undefined && !isTrueMarker(marker, applied)) problems.push('the marker lies')
  if (Object.keys(before.backups).some(name => found.backups[name] !== before.backups[name]))
    problems.push('an old backup is gone')
  if (Object.entries(found.backups).some(([name, made]) => !(name in before.backups) && made !== before.content))
    problems.push('a backup is not what the database was')
  if (after.replaced.length > 0 && content === after.content && !found.replaced.includes(before.content))
    problems.push('what was replaced is gone')
  if (isEnd && JSON.stringify(found) !== JSON.stringify(after)) problems.push('what was done is gone')
  return problems
}

type Mode = 'wal' | 'delete'
type Scenario = Readonly<{
  name: string
  words: readonly string[]
  /** made by the program before, up to this migration; undefined for an empty volume */
  from: string | undefined
  change: string
  modes: readonly Mode[]
  withHub: boolean
}>

const history = "'0002-create-metrics', '0003-add-os-info'"
const scenarios: readonly Scenario[] = [
  { name: 'first run', words: ['up'], from: undefined, change: '', modes: ['wal'], withHub: false },
  { name: 'up', words: ['up'], from: '0002-create-metrics', change: '', modes: ['wal', 'delete'], withHub: true },
  {
    name: 'down',
    words: ['down', '--yes'],
    from: '0003-add-os-info',
    change: '',
    modes: ['wal', 'delete'],
    withHub: true,
  },
  {
    name: 'adopt',
    words: ['adopt'],
    from: '0002-create-metrics',
    change: 'DROP TABLE SequelizeMeta',
    modes: ['wal', 'delete'],
    withHub: true,
  },
  {
    name: 'repair',
    words: ['repair', '0002-create-metrics'],
    from: '0003-add-os-info',
    change: `UPDATE SequelizeMeta SET checksum = 'sha256:0' WHERE name IN (${history})`,
    modes: ['wal', 'delete'],
    withHub: true,
  },
  { name: 'backup', words: ['backup'], from: '0003-add-os-info', change: '', modes: ['wal', 'delete'], withHub: true },
  {
    name: 'restore',
    words: ['restore', '--latest', '--yes'],
    from: '0003-add-os-info',
    change: "UPDATE servers SET hostname = 'newer'",
    modes: ['wal', 'delete'],
    withHub: false,
  },
]

/** Begins with a volume, runs the program on it once, and gives what that wrote down and what there was before. */
const record = async (
  folder: string,
  library: string,
  { words, from, change }: Scenario,
  mode: Mode,
  { hub, elsewhere, killed }: Readonly<{ hub: boolean; elsewhere: boolean; killed: boolean }>,
) => {
  const [volumes, pristine, log] = [join(folder, 'volumes'), join(folder, 'pristine'), join(folder, 'log')]
  for (const path of [volumes, pristine, log]) rmSync(path, { recursive: true, force: true })
  for (const name of ['data', 'marker']) mkdirSync(join(volumes, name), { recursive: true })
  const data = join(volumes, 'data')
  const ready = join(volumes, elsewhere ? 'marker/.ready' : 'data/.ready')
  const settings = settingsFor(data, { MIGRATOR_READY_FILE: ready })
  let connection: Database.Database | undefined
  if (from !== undefined) {
    t.match(await runProgram(['up', '--to', from], settings), { exitCode: 0 })
    const file = join(data, 'homelab.db')
    connection = new Database(file)
    connection.pragma(`journal_mode = ${mode}`)
    connection.exec("INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan')")
    if (words[0] === 'restore') t.match(await runProgram(['backup'], settings), { exitCode: 0 })
    connection.exec(change)
    // its marker would be untrue from the start
    if (words[0] === 'adopt') rmSync(ready)
    if (!hub) connection.close()
  }
  cpSync(volumes, pristine, { recursive: true })
  const records = recording(library, volumes, log)
  if (killed) {
    // between the write of the commit into the WAL and its fsync
    const flushes = await flushesUntilCommit(folder, library, { volumes, pristine, words, settings })
    await runProgram(words, {
      ...settings,
      ...records,
      ...failing(library, volumes, join(folder, 'count'), 'fsync', flushes, 0),
    })
  }
  const { exitCode, stderr } = await runProgram(words, { ...settings, ...records })
  t.equal(exitCode, 0, `${words.join(' ')}: ${stderr.split('\n').at(-2)}`)
  const after = readVolume(filesOf(volumes))
  if (hub) connection?.close()
  return { volumes, pristine, log: readLog(log), before: readVolume(filesOf(pristine)), after }
}

/** The number of the fsync that follows the last write into the WAL, counted in a run on a copy. */
const flushesUntilCommit = async (
  folder: string,
  library: string,
  {
    volumes,
    pristine,
    words,
    settings,
  }: Readonly<{ volumes: string; pristine: string; words: readonly string[]; settings: object }>,
): Promise<number> => {
  const log = join(folder, 'log-of-trial')
  rmSync(log, { force: true })
  await runProgram(words, { ...settings, ...recording(library, volumes, log) })
  const changes = readLog(log)
  rmSync(volumes, { recursive: true })
  cpSync(pristine, volumes, { recursive: true })
  const marked = changes.findIndex(({ call, path }) => call === 'create' && path.includes('.ready'))
  const written = changes.slice(0, marked).findLastIndex(({ call, path }) => call === 'write' && path.endsWith('-wal'))
  return 1 + changes.slice(0, written).filter(({ call }) => call === 'fsync').length
}

/** The problems in all that power cuts may leave, with how often and where each was found. */
const replay = ({ volumes, pristine, log, before, after }: Awaited<ReturnType<typeof record>>, changed = log) => {
  const problems: Record<string, number> = {}
  const known = new Map<string, Found>()
  let states = 0
  for (const { model, isLast, left } of powerCuts(volumes, pristine, changed, seeds)) {
    states += 1
    const key = [...left]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, bytes]) => `${path} ${digest(bytes.toString('latin1'))}`)
      .join()
    const found = known.get(key) ?? readVolume(left)
    known.set(key, found)
    for (const problem of problemsOf(found, before, after, isLast)) {
      const title = `${problem} (${model})`
      problems[title] = (problems[title] ?? 0) + 1
    }
  }
  return { states, problems }
}

const folders = (t: Pick<Test, 'testdir' | 'teardown'>): Readonly<{ folder: string; library: string }> => {
  return { folder: makeQuickFolder(t), library: compileShim(t.testdir()) }
}

const plain = { hub: false, elsewhere: false, killed: false }
/** All of them in the long form. */
const combinations = scenarios.flatMap(scenario =>
  scenario.modes.flatMap(mode =>
    [false, ...(scenario.withHub ? [true] : [])].flatMap(hub =>
      [false, true].map(elsewhere => ({ scenario, mode, variant: { ...plain, hub, elsewhere } })),
    ),
  ),
)
const isShort = ({ scenario, mode, variant }: (typeof combinations)[number]): boolean =>
  variant.hub === scenario.withHub &&
  variant.elsewhere === (scenario.name === 'up') &&
  mode === (scenario.name === 'down' ? 'delete' : 'wal')

t.test(
  'whatever a power cut leaves is before or after, its marker is true, and what was done stays done',
  { skip },
  async t => {
    const { folder, library } = folders(t)
    const figures: string[] = []
    let all = 0
    for (const combination of combinations.filter(combination => long || isShort(combination))) {
      const { scenario, mode, variant } = combination
      const title = `${scenario.name}, ${mode}${variant.hub ? ', a hub has it open' : ''}${variant.elsewhere ? ', marker elsewhere' : ''}`
      const { states, problems } = replay(await record(folder, library, scenario, mode, variant))
      t.strictSame(problems, {}, title)
      figures.push(`${title}: ${states}`)
      all += states
    }
    t.ok(all > (long ? 10_000 : 500), `${all} states`)
    t.comment(`${all} states in ${models.length} models: ${figures.join('; ')}`)
  },
)

const find = (name: string): Scenario =>
  scenarios.find(scenario => scenario.name === name) ?? (scenarios[0] as Scenario)

t.test(
  'a run that was killed between its commit and the flush of it leaves nothing that the next one may call done',
  { skip },
  async t => {
    const { folder, library } = folders(t)
    const recorded = await record(folder, library, find('up'), 'wal', { hub: true, elsewhere: true, killed: true })
    t.strictSame(replay(recorded).problems, {})
  },
)

t.test('without the flushes this test finds what they are for', { skip }, async t => {
  const { folder, library } = folders(t)
  const recorded = await record(folder, library, find('up'), 'wal', { ...plain, hub: true })
  const without = (isGone: (change: Change) => boolean) =>
    Object.keys(
      replay(
        recorded,
        recorded.log.filter(change => change.call !== 'fsync' || !isGone(change)),
      ).problems,
    ).join()
  t.match(
    without(({ path }) => path.endsWith('-wal')),
    /the marker lies/,
    'synchronous = NORMAL',
  )
  t.match(
    without(({ path }) => path.endsWith('/data')),
    /what was done is gone/,
    'folders',
  )
})

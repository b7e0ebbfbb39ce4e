/**
 * Errors of the kernel: the n-th call on the files of a volume fails, for many n, with many an errno, in a run of each command. 60 of
 * them in `npm test`, over 600 in `npm run test:faults`, which puts its table into docs/reliability.md.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import Database from 'better-sqlite3'
import t from 'tap'
import { exitCodes } from '../../src/failure.ts'
import { makeBundle } from '../help/bundled.ts'
import { firstThree } from '../help/first-three.ts'
import { filesOf, isTrueMarker, makeQuickFolder, readVolume } from '../help/found.ts'
import { root, settingsFor } from '../help/program.ts'
import { callsIn, compileShim, failing, noShim, readLog } from '../help/shim.ts'

const long = process.env.FAULTS === 'long'
const faults = long ? 640 : 60
const skip = noShim()

const { errno } = constants
/** Those that Node has a name for, and those that it has none for. */
const errors = [
  'EIO',
  'ENOSPC',
  'EACCES',
  'EROFS',
  'EMFILE',
  'ENOMEM',
  'ESTALE',
  'EINTR',
  'EINVAL',
  'ENOENT',
  'EDQUOT',
  'EPERM',
  'ENOTCONN',
  'EBADMSG',
] as const

/** Changes are rarer than looks, so each group has its share. */
const groups = [
  'open,write,fsync,truncate,rename,link,unlink,rmdir,mkdir,copy,mmap,lock,chmod,chown',
  'read,stat,access,statfs,list',
]

type Scenario = Readonly<{
  name: string
  words: readonly string[]
  from: string
  change?: string
  settings?: Readonly<Record<string, string>>
}>

const scenarios: readonly Scenario[] = [
  { name: 'up, empty volume', words: ['up'], from: '' },
  { name: 'up', words: ['up'], from: '0002-create-metrics' },
  { name: 'up, rollback journal', words: ['up'], from: '0002-create-metrics', change: 'PRAGMA journal_mode = DELETE' },
  { name: 'up, nothing to do', words: ['up'], from: '0003-add-os-info' },
  { name: 'up, a check is due', words: ['up'], from: '0003-add-os-info', settings: { MIGRATOR_CHECK: 'always' } },
  { name: 'down', words: ['down', '--yes'], from: '0003-add-os-info' },
  { name: 'adopt', words: ['adopt'], from: '0002-create-metrics', change: 'DROP TABLE SequelizeMeta' },
  { name: 'backup', words: ['backup'], from: '0003-add-os-info' },
  {
    name: 'restore',
    words: ['restore', '--latest', '--yes'],
    from: '0003-add-os-info',
    change: "UPDATE servers SET hostname = 'newer'",
  },
  { name: 'status', words: ['status'], from: '0002-create-metrics' },
  { name: 'verify', words: ['verify'], from: '0003-add-os-info' },
  { name: 'plan', words: ['plan'], from: '0002-create-metrics' },
]

const codes: readonly number[] = [0, ...Object.values(exitCodes).filter(code => code !== exitCodes.BUG)]

t.test(
  `${faults} calls that fail: a documented exit code, content before or after, a marker that is true`,
  { skip },
  async t => {
    const folder = t.testdir()
    const [library, program] = [compileShim(folder), makeBundle(folder)]
    const quick = makeQuickFolder(t)
    const [volume, pristine, log, count] = ['volume', 'pristine', 'log', 'count'].map(name => join(quick, name)) as [
      string,
      string,
      string,
      string,
    ]
    const data = join(volume, 'data')
    const common = {
      ...settingsFor(data),
      MIGRATOR_MIGRATIONS: firstThree,
      MIGRATOR_REQUIRE_MOUNT: 'never',
      MIGRATOR_LOG_FORMAT: 'json',
      MIGRATOR_LOCK_TIMEOUT: '2',
      NODE_COMPILE_CACHE: join(folder, 'cache'),
      PATH: process.env.PATH,
    }
    const run = async (words: readonly string[], more: Readonly<Record<string, string>>) => {
      const child = spawn(process.execPath, [program, ...words], {
        env: { ...common, ...more },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      const ended = new Promise<number | string | null>(resolve =>
        child.once('close', (code, signal) => resolve(code ?? signal)),
      )
      const [stderr, end] = await Promise.all([text(child.stderr), ended])
      return { end, stderr }
    }
    const reset = () => {
      rmSync(volume, { recursive: true, force: true })
      cpSync(pristine, volume, { recursive: true })
      rmSync(log, { force: true })
    }
    const wrong: string[] = []
    const table = new Map<string, Map<string, number>>()
    const share = Math.ceil(faults / scenarios.length / groups.length)
    let number = 0

    for (const { name, words, from, change = '', settings = {} } of scenarios) {
      rmSync(volume, { recursive: true, force: true })
      mkdirSync(data, { recursive: true })
      if (from !== '') {
        await run(['up', '--to', from], {})
        if (words[0] === 'restore') await run(['backup'], {})
        const connection = new Database(join(data, 'homelab.db'))
        connection.exec(`INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan'); ${change}`)
        connection.close()
        if (words[0] === 'adopt') rmSync(join(data, '.ready'))
      }
      rmSync(pristine, { recursive: true, force: true })
      cpSync(volume, pristine, { recursive: true })
      const before = readVolume(filesOf(volume))
      for (const group of groups) {
        reset()
        const whole = await run(words, { ...settings, ...failing(library, volume, count, group, 0, 0) })
        t.equal(whole.end, 0, `${name}: ${whole.stderr}`)
        const after = readVolume(filesOf(volume))
        const calls = callsIn(count)
        for (let index = 0; index < share; index += 1) {
          reset()
          number += 1
          const error = errors[number % errors.length] ?? 'EIO'
          const at = 1 + Math.floor(((index + (number % 7) / 7) * calls) / share)
          const { end, stderr } = await run(words, {
            ...settings,
            ...failing(library, volume, count, group, at, errno[error]),
            SHIM_LOG: log,
          })
          const failed = readLog(log).find(({ call }) => call === 'fail')
          const what = `${name}: call ${at} of ${calls}, ${failed?.to} ${failed?.path} with ${error}: ended with ${end}`
          const row = table.get(failed?.to ?? 'none') ?? new Map<string, number>()
          table.set(failed?.to ?? 'none', row.set(String(end), (row.get(String(end)) ?? 0) + 1))
          const found = readVolume(filesOf(volume))
          if (typeof end !== 'number' || !codes.includes(end)) wrong.push(`${what}\n${stderr}`)
          if (/\n\s+at |a bug in the migrator/.test(stderr)) wrong.push(`${what}, with a stack: ${stderr}`)
          if (end === 0 ? found.content !== after.content : ![before.content, after.content].includes(found.content))
            wrong.push(`${what}, content ${found.content}: ${stderr}`)
          if (found.marker !== undefined && !isTrueMarker(found.marker, found.applied))
            wrong.push(`${what}, the marker lies`)
          if (Object.keys(before.backups).some(backup => found.backups[backup] !== before.backups[backup]))
            wrong.push(`${what}, a backup is gone`)
          if (!long || end === 0) continue
          const next = await run(['up'], {})
          if (next.end !== 0 && !(words[0] === 'adopt' && next.end === exitCodes.HISTORY_CONFLICT))
            wrong.push(`${what}, and the next run with ${next.end}: ${next.stderr}`)
        }
      }
    }
    t.strictSame(wrong, [])
    t.ok(number >= faults, `${number} faults`)
    const lines = toTable(number, table)
    t.comment(lines.join('\n'))
    if (long) putIntoDocument(lines)
  },
)

const toTable = (number: number, table: ReadonlyMap<string, ReadonlyMap<string, number>>): readonly string[] => {
  const ends = [...new Set([...table.values()].flatMap(row => [...row.keys()]))].toSorted(
    (a, b) => Number(a) - Number(b),
  )
  const rows = [...table].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return [
    `${number} faults in ${scenarios.length} commands, with ${errors.length} errnos; how many runs ended with which exit code:`,
    '',
    `| call that failed | ${ends.join(' | ')} |`,
    `|---|${ends.map(() => '---|').join('')}`,
    ...rows.map(([call, row]) => `| ${call} | ${ends.map(end => row.get(end) ?? '').join(' | ')} |`),
  ]
}

const putIntoDocument = (lines: readonly string[]): void => {
  const file = join(root, 'docs/reliability.md')
  const [begin, end] = ['<!-- faults -->', '<!-- end of faults -->']
  const [before = '', rest = ''] = readFileSync(file, 'utf8').split(begin)
  const [, after = ''] = rest.split(end)
  writeFileSync(file, [before, begin, '\n', lines.join('\n'), '\n', end, after].join(''))
}

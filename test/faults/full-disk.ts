/** Disks that are full or fill up, on real small filesystems: some in `npm test`, more in `npm run test:faults`. Needs root, to mount them. */
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { firstThree } from '../help/first-three.ts'
import { withMount } from '../help/mount.ts'
import { dump, readJson, runProgram, settingsFor } from '../help/program.ts'

const skip = process.getuid?.() !== 0 && 'needs root, to mount'
const metrics = 4000
/** Sizes of disks: all of them in `npm run test:faults`. */
const sizes = process.env.FAULTS === 'long' ? 24 : 8
const before = '0003-add-os-info'
const after = '0004-rewrite'

/** One that says what it writes anew, so that it is counted beforehand, and one that does not, so that the disk fills under it. */
const telling = `export const up = ({ context }) =>
    context.backfill("UPDATE metrics SET cpu_percent = 1 WHERE id BETWEEN $first AND $last", { table: 'metrics', batch: 500 })`
const silent = `const change = ['UPD', 'ATE metrics SET server_id = server_id || hex(randomblob(40))'].join('')
    export const up = async ({ context }) => {
      await context.sequelize.query("INSERT INTO servers (id, hostname) SELECT server_id || 'x', 'x' FROM metrics LIMIT 1")
      await context.addColumn('metrics', 'note', 'TEXT')
      await context.sequelize.query(change.replace('server_id = server_id ||', 'note ='))
      await context.addIndex('metrics', ['note'])
    }`
const rewrites = [
  { title: 'that tells what it rewrites, after a backup', rewrite: telling, backup: 'auto', mode: 'wal' },
  { title: 'that does not tell, without a backup', rewrite: silent, backup: 'never', mode: 'wal' },
  { title: 'with a rollback journal, after a backup', rewrite: silent, backup: 'auto', mode: 'delete' },
] as const

const prepare = async (t: Pick<Test, 'testdir'>, rewrite: string, mode: 'wal' | 'delete' = 'wal') => {
  const folder = t.testdir({ pristine: {}, data: {}, migrations: { '0004-rewrite.js': rewrite } })
  cpSync(firstThree, join(folder, 'migrations'), { recursive: true })
  const [pristine, data] = [join(folder, 'pristine'), join(folder, 'data')]
  await runProgram([], settingsFor(pristine))
  const connection = new Database(join(pristine, 'homelab.db'))
  connection.pragma(`journal_mode = ${mode}`)
  connection.exec(`
    INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan');
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${metrics})
    INSERT INTO metrics (server_id, timestamp, cpu_percent) SELECT 'omv', datetime('2026-01-01', '+' || i || ' minutes'), 50 FROM n`)
  connection.close()
  const fill = (): void => {
    for (const name of ['homelab.db', '.ready']) copyFileSync(join(pristine, name), join(data, name))
  }
  const file = join(pristine, 'homelab.db')
  return {
    pristine,
    data,
    fill,
    size: statSync(file).size,
    dumpBefore: dump(file),
    migrations: join(folder, 'migrations'),
  }
}

/** What is on the volume must be one of two states, with a marker that is absent or true, and nothing that nobody needs. */
const problemsOf = (
  data: string,
  exitCode: number | null,
  dumpBefore: string,
  left: readonly string[],
): readonly string[] => {
  const file = join(data, 'homelab.db')
  const marker = existsSync(join(data, '.ready')) ? readJson(join(data, '.ready')).schema : undefined
  const connection = new Database(file)
  const sound = connection.pragma('integrity_check', { simple: true })
  const applied = connection.prepare('SELECT max(name) FROM SequelizeMeta').pluck().get()
  connection.close()
  const entries = left.filter(name => !['homelab.db', '.ready', '.ready.withdrawn', 'backups'].includes(name))
  // reading a copy in WAL mode, as below, leaves files beside it
  const all = existsSync(join(data, 'backups')) ? readdirSync(join(data, 'backups')) : []
  const backups = all.filter(name => !/\.db-(?:wal|shm)$/.test(name))
  return [
    ...(exitCode === 0 || exitCode === 11 ? [] : [`exit code ${exitCode}`]),
    ...(sound === 'ok' ? [] : [`not sound: ${sound}`]),
    ...(applied === (exitCode === 0 ? after : before) ? [] : [`${applied} is applied`]),
    ...(exitCode === 0 || dump(file) === dumpBefore ? [] : ['other content than before']),
    ...(marker === (exitCode === 0 ? after : before) ? [] : ['no marker']),
    ...entries.map(name => `${name} was left`),
    ...(exitCode === 0 ? [] : backups.map(name => `${name} was left in backups`)),
    ...backups.filter(name => dump(join(data, 'backups', name)) !== dumpBefore).map(name => `${name} is no backup`),
  ]
}

for (const { title, rewrite, backup, mode } of rewrites) {
  t.test(
    `a migration ${title}, on disks of ${sizes} sizes: before or after, and with more room it succeeds`,
    { skip },
    async t => {
      const { data, fill, size: least, dumpBefore, migrations } = await prepare(t, rewrite, mode)
      const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: migrations, MIGRATOR_BACKUP: backup })
      const figures: Record<string, number> = {}
      for (let index = 0; index < sizes; index += 1) {
        const size = Math.ceil(least / 1024) + 40 + index * Math.round(3072 / sizes)
        await withMount(data, ['-t', 'tmpfs', '-o', `size=${size}k`, 'none'], async () => {
          fill()
          const { exitCode, stderr } = await runProgram([], settings)
          const preflight = /the run needs/.test(stderr) && !/the database takes in/.test(stderr)
          const outcome = exitCode === 0 ? 'applied' : preflight ? 'refused before' : 'rolled back'
          figures[outcome] = (figures[outcome] ?? 0) + 1
          const left = readdirSync(data)
          // a full disk cannot even be looked at: reading in WAL mode needs a file
          execFileSync('mount', ['-o', 'remount,size=100m', data])
          for (const problem of problemsOf(data, exitCode, dumpBefore, left))
            t.fail(`${size} kB: ${problem}: ${stderr}`)
          const next = await runProgram([], settings)
          for (const problem of problemsOf(data, next.exitCode, dumpBefore, readdirSync(data)))
            t.fail(`${size} kB, then with room: ${problem}`)
          t.equal(next.exitCode, 0, `${size} kB: ${outcome}, then it succeeds`)
        })
      }
      t.comment(`${sizes} sizes, ${title}: ${JSON.stringify(figures)}`)
      const expected =
        rewrite === telling ? ['applied', 'refused before'] : ['applied', 'refused before', 'rolled back']
      t.strictSame(Object.keys(figures).toSorted(), expected)
    },
  )
}

t.test('an empty volume on disks of 12 sizes: a database and a marker, or nothing at all', { skip }, async t => {
  const data = join(t.testdir({ data: {} }), 'data')
  const figures: Record<string, number> = {}
  for (let index = 0; index < 12; index += 1) {
    const size = 4 + index * 40
    await withMount(data, ['-t', 'tmpfs', '-o', `size=${size}k`, 'none'], async () => {
      const { exitCode, stderr } = await runProgram([], settingsFor(data))
      figures[String(exitCode)] = (figures[String(exitCode)] ?? 0) + 1
      t.strictSame(
        readdirSync(data).toSorted(),
        exitCode === 0 ? ['.ready', 'homelab.db'] : [],
        `${size} kB: ${exitCode}`,
      )
      t.ok(exitCode === 0 || exitCode === 11, stderr)
    })
  }
  t.strictSame(Object.keys(figures), ['0', '11'])
})

t.test('a disk that is full though nothing is pending ends with 0 or 11, and nothing is changed', { skip }, async t => {
  const data = join(t.testdir({ data: {} }), 'data')
  await withMount(data, ['-t', 'tmpfs', '-o', 'size=1m', 'none'], async () => {
    await runProgram([], settingsFor(data))
    const content = dump(join(data, 'homelab.db'))
    const { bavail, bsize } = statfsSync(data)
    writeFileSync(join(data, 'filler'), Buffer.alloc(bavail * bsize))
    const { exitCode, stderr } = await runProgram([], settingsFor(data))
    t.ok(exitCode === 0 || exitCode === 11, stderr)
    rmSync(join(data, 'filler'))
    t.equal(dump(join(data, 'homelab.db')), content)
    t.match((await runProgram([], settingsFor(data))).events, [{ event: 'volume.memory' }, { event: 'up.nothing' }])
  })
})

/** With one inode free SQLite makes an empty WAL and fails at the shared memory. It has the owner and mode of the database. */
const isEmptyWal = (problem: string, data: string): boolean =>
  problem === 'homelab.db-wal was left' && statSync(join(data, 'homelab.db-wal')).size === 0

t.test('an ext4 without inodes, then with one after the other: 11 and as before, or 0', { skip }, async t => {
  const { data, fill, dumpBefore, migrations } = await prepare(t, 'export const up = async () => undefined')
  const image = join(data, '../image')
  writeFileSync(image, '')
  truncateSync(image, 16 * 1024 * 1024)
  execFileSync('mkfs.ext4', ['-q', '-N', '64', image])
  const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: migrations })
  const figures: Record<string, number> = {}
  await withMount(data, ['-o', 'loop', image], async () => {
    rmSync(join(data, 'lost+found'), { recursive: true })
    const fillers = join(data, 'fillers')
    mkdirSync(fillers)
    for (let free = 0; free < 14; free += 1) {
      fill()
      for (let left = statfsSync(data).ffree; left > free; left -= 1) writeFileSync(join(fillers, String(left)), '')
      const { exitCode, stderr } = await runProgram([], settings)
      figures[String(exitCode)] = (figures[String(exitCode)] ?? 0) + 1
      for (const name of readdirSync(fillers)) rmSync(join(fillers, name))
      const problems = problemsOf(data, exitCode, dumpBefore, readdirSync(data)).filter(
        problem => problem !== 'fillers was left' && problem !== `${after} is applied` && !isEmptyWal(problem, data),
      )
      for (const problem of problems) t.fail(`${free} inodes: ${problem}: ${stderr}`)
      for (const name of readdirSync(data).filter(name => name !== 'fillers'))
        rmSync(join(data, name), { recursive: true })
    }
  })
  t.comment(`ext4 with 0 to 13 inodes free: ${JSON.stringify(figures)}`)
  t.strictSame(Object.keys(figures), ['0', '11'])
})

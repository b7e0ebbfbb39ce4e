import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { metricsText } from '../../src/metrics/prometheus.ts'
import { report, reporting } from '../../src/metrics/report.ts'
import { makeContext } from '../help/context.ts'
import { readBlocks, readDocument } from '../help/documents.ts'
import { runProgram, settingsFor } from '../help/program.ts'

/** The samples of a text: NAME{LABELS} -> value. Each has its HELP and TYPE before it. */
const samplesOf = (text: string): Readonly<Record<string, number>> => {
  const found: Record<string, number> = {}
  const announced = new Set<string>()
  for (const line of text.trimEnd().split('\n')) {
    const [, help] = /^# HELP (\w+) \S/.exec(line) ?? []
    const [, type] = /^# TYPE (\w+) gauge$/.exec(line) ?? []
    if (help !== undefined || type !== undefined) {
      announced.add(`${help ?? type} ${help === undefined ? 'type' : 'help'}`)
      continue
    }
    const [, name, labels = '', value] = /^(\w+)(\{.*\})? (\S+)$/.exec(line) ?? []
    if (!announced.has(`${name} help`) || !announced.has(`${name} type`)) throw new Error(`not announced: ${line}`)
    found[`${String(name).replace('homelab_migrator_', '')}${labels}`] = Number(value)
  }
  return found
}

const nothing = {
  schema: undefined,
  pending: undefined,
  bytes: undefined,
  tables: [],
  lastBackup: undefined,
  lastCheck: undefined,
}

t.test('what is not known is left out, and a label may hold anything', async t => {
  const text = metricsText({ ...nothing, version: '1"\\\n', ready: false })
  t.match(text, '{schema="",version="1\\"\\\\\\n"}')
  t.strictSame(Object.keys(samplesOf(text)).slice(1), ['ready'])
})

t.test('status --format prometheus tells what status tells', async t => {
  const folder = t.testdir()
  const settings = settingsFor(folder)
  const status = async () => samplesOf((await runProgram(['status', '--format', 'prometheus'], settings)).stdout)
  const empty = await status()
  t.match(empty, { ready: 0, pending_migrations: 3 })
  t.notOk('database_bytes' in empty)
  await runProgram(['up'], settings)
  await runProgram(['backup'], settings)
  const found = await status()
  t.match(found, {
    ready: 1,
    pending_migrations: 0,
    'table_rows{table="servers"}': 0,
    'table_rows{table="SequelizeMeta"}': 3,
  })
  t.equal(found[Object.keys(found).find(name => name.startsWith('info{schema="0003-add-os-info",version="')) ?? ''], 1)
  t.ok(Number(found.database_bytes) > 0)
  for (const name of ['last_backup_timestamp_seconds', 'last_check_timestamp_seconds'])
    t.ok(Math.abs(Number(found[name]) - Date.now() / 1000) < 600, name)
})

t.test('up writes MIGRATOR_METRICS_FILE: how it ended and what it knows, and counts nothing', async t => {
  const folder = t.testdir({
    data: {},
    bad: { '0001-a.js': `export const up = async () => { throw new Error('no') }` },
  })
  const file = join(folder, 'homelab.prom')
  const settings = { ...settingsFor(join(folder, 'data')), MIGRATOR_METRICS_FILE: file }
  const read = () => samplesOf(readFileSync(file, 'utf8'))

  const failed = await runProgram([], { ...settings, MIGRATOR_MIGRATIONS: join(folder, 'bad') })
  t.equal(failed.exitCode, 40)
  t.match(read(), { ready: 0, last_run_exit_code: 40 }, 'a run that fails too')

  t.match(await runProgram(['up', '--to', '1'], settings), { exitCode: 0 })
  t.match(read(), { ready: 1, pending_migrations: 2, last_run_exit_code: 0 }, 'what --to left out is pending')

  for (const when of ['with something to do', 'with nothing to do']) {
    t.match(await runProgram([], settings), { exitCode: 0 }, when)
    const found = read()
    t.match(found, { ready: 1, pending_migrations: 0, last_run_exit_code: 0 }, when)
    t.ok(Number(found.last_run_timestamp_seconds) > 1.7e9)
    t.notOk(Object.keys(found).some(name => name.startsWith('table_rows')))
  }
  t.equal(statSync(file).mode & 0o777, 0o644, 'node_exporter, another user, may read it')
})

t.test('a volume that is gone is told of, too', async t => {
  const folder = t.testdir()
  const file = join(folder, 'homelab.prom')
  const settings = { ...settingsFor(join(folder, 'gone')), MIGRATOR_METRICS_FILE: file }
  t.match(await runProgram([], settings), { exitCode: 10 })
  const found = samplesOf(readFileSync(file, 'utf8'))
  t.match(found, { ready: 0, last_run_exit_code: 10 })
  t.notOk('pending_migrations' in found)
})

t.test('a file that has no metrics in it is not replaced, and nothing is done', async t => {
  const folder = t.testdir({ data: {}, notes: 'mine' })
  const settings = settingsFor(join(folder, 'data'))
  const database = join(folder, 'data/homelab.db')
  t.match(await runProgram([], { ...settings, MIGRATOR_METRICS_FILE: join(folder, 'notes') }), {
    exitCode: 2,
    failure: 'CONFIG_INVALID',
  })
  t.equal(readFileSync(join(folder, 'notes'), 'utf8'), 'mine')
  t.notOk(existsSync(database))
  // the run makes it: then it is a database, and stays one
  const { exitCode, events } = await runProgram([], { ...settings, MIGRATOR_METRICS_FILE: database })
  t.equal(exitCode, 0)
  t.ok(events.some(({ event }) => event === 'metrics.unwritten'))
  t.match(await runProgram(['verify'], settings), { exitCode: 0 })
})

t.test(
  'a bug of the program is told as its exit code, too, and a run without a file of metrics tells nobody',
  async t => {
    const folder = t.testdir({ data: {} })
    const file = join(folder, 'homelab.prom')
    const context = await makeContext(join(folder, 'data'), { MIGRATOR_METRICS_FILE: file })
    const fail = async () => {
      throw new TypeError('a bug')
    }
    await t.rejects(reporting(context, undefined, fail), { message: 'a bug' })
    t.match(samplesOf(readFileSync(file, 'utf8')), { ready: 0, last_run_exit_code: 1 })
    report(await makeContext(join(folder, 'data')))
    t.strictSame(readdirSync(join(folder, 'data')), [])
  },
)

t.test('metrics that cannot be written are warned of, and the run ends as without', async t => {
  const folder = t.testdir({ data: {} })
  const settings = { ...settingsFor(join(folder, 'data')), MIGRATOR_METRICS_FILE: join(folder, 'none/homelab.prom') }
  const { exitCode, events } = await runProgram([], settings)
  t.equal(exitCode, 0)
  t.match(
    events.find(({ event }) => event === 'metrics.unwritten'),
    { level: 'warn', file: settings.MIGRATOR_METRICS_FILE },
  )
})

t.test('metrics of an earlier run, or an empty file, are replaced', async t => {
  const folder = t.testdir({ data: {} })
  const file = join(folder, 'homelab.prom')
  writeFileSync(file, '')
  const settings = { ...settingsFor(join(folder, 'data')), MIGRATOR_METRICS_FILE: file }
  await runProgram([], settings)
  const before = statSync(file).ino
  await runProgram([], settings)
  t.not(statSync(file).ino, before, 'at once: a collector never reads half of it')
})

t.test('docs/monitoring.md lists each metric, and its alerts name no other', async t => {
  const time = new Date(0).toISOString()
  const run = { exitCode: 0, endedAt: time }
  const all = {
    schema: 'a',
    pending: 0,
    bytes: 1,
    tables: [{ name: 'a', rows: 1 }],
    lastBackup: time,
    lastCheck: time,
    run,
  }
  const names = Object.keys(samplesOf(metricsText({ ...all, version: '1', ready: true }))).map(name =>
    name.replace(/\{.*/, ''),
  )
  const listed = [...readDocument('docs/monitoring.md').matchAll(/^\| `(\w+)(?:\{[\w,]+\})?` \|/gm)].map(
    ([, name]) => name,
  )
  t.strictSame(listed, names)
  const blocks = readBlocks('docs/monitoring.md').filter(({ language }) => language === 'yaml')
  const { groups } = blocks.map(({ text }) => parse(text)).find(value => 'groups' in value)
  const used = groups[0].rules.flatMap(({ expr }: { expr: string }) => expr.match(/homelab_migrator_\w+/g) ?? [])
  t.ok(used.length >= 3)
  for (const name of used) t.ok(names.includes(name.replace('homelab_migrator_', '')), name)
})

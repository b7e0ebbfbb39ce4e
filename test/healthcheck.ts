import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readJson, root, runProgram, settingsFor } from './help/program.ts'

const check = (settings: Readonly<Record<string, string>>) =>
  spawnSync('/bin/sh', [join(root, 'healthcheck.sh')], { encoding: 'utf8', env: settings })
const marker = { schema: '0001-a', migrations: 1, database: 'homelab.db', fingerprint: 'sha256:x' }
const ready = { '.ready': `${JSON.stringify(marker)}\n`, 'homelab.db': 'content' }

t.test('after a run the volume is ready, and at the schema that is expected', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const { schema } = readJson(join(folder, '.ready'))
  t.match(check(settingsFor(folder)), { status: 0, stdout: '', stderr: '' })
  t.match(check(settingsFor(folder, { EXPECT_SCHEMA: String(schema) })), { status: 0 })
  t.match(check(settingsFor(folder, { EXPECT_SCHEMA: '0009-later' })), {
    status: 1,
    stderr: /^not ready: .*0009-later\n$/,
  })
})

t.test('the marker is found by every way to write the database URL, and by its own setting', async t => {
  const folder = t.testdir(ready)
  for (const slashes of ['', '//', '///']) {
    t.match(check({ DATABASE_URL: `sqlite:${slashes}${folder}/homelab.db` }), { status: 0 }, slashes)
  }
  const elsewhere = join(t.testdir({ elsewhere: ready['.ready'] }), 'elsewhere')
  writeFileSync(join(t.testdirName, 'homelab.db'), 'content')
  t.match(check(settingsFor(t.testdirName, { MIGRATOR_READY_FILE: elsewhere })), { status: 0 })
})

for (const [title, files] of [
  ['there is no marker', { 'homelab.db': 'content' }],
  ['there is nothing at all', {}],
  ['the marker is empty', { ...ready, '.ready': '' }],
  ['the marker is half a marker', { ...ready, '.ready': ready['.ready'].slice(0, 40) }],
  ['the marker is something else', { ...ready, '.ready': '{"ready":true}' }],
  ['the marker has no schema', { ...ready, '.ready': JSON.stringify({ ...marker, schema: '' }) }],
  ['the marker is a folder', { ...ready, '.ready': {} }],
  [
    'the marker is of another database',
    { ...ready, '.ready': JSON.stringify({ ...marker, database: 'other.db' }), 'other.db': 'x' },
  ],
  ['a folder is in the place of the database', { ...ready, 'homelab.db': { file: '' } }],
  ['the database is missing', { '.ready': ready['.ready'] }],
  ['the database is empty', { ...ready, 'homelab.db': '' }],
] as const) {
  t.test(`not ready when ${title}, in one line`, async t => {
    t.match(check(settingsFor(t.testdir(files))), { status: 1, stdout: '', stderr: /^not ready: [^\n]+\n$/ })
  })
}

t.test('a database that is a link beside its file is the one of the marker', async t => {
  const folder = t.testdir({ ...ready, 'link.db': t.fixture('symlink', 'homelab.db') })
  t.match(check({ DATABASE_URL: `sqlite:${folder}/link.db` }), { status: 0 })
})

t.test('of an installed package a migrator at work in another folder is not of this database', async t => {
  const folder = t.testdir({
    here: { data: { ...ready } },
    there: { data: { ...ready } },
    'node_modules/migrator': { 'healthcheck.sh': t.fixture('symlink', join(root, 'healthcheck.sh')) },
    'migrator.js': 'console.log("up"); setInterval(() => undefined, 1000)',
  })
  const script = join(folder, 'node_modules/migrator/healthcheck.sh')
  const checkIn = (name: string) =>
    spawnSync('/bin/sh', [script], { encoding: 'utf8', env: {}, cwd: join(folder, name) })
  const child = spawn(process.execPath, [join(folder, 'migrator.js')], { cwd: join(folder, 'there'), env: {} })
  t.teardown(() => child.kill())
  await once(child.stdout, 'data')
  t.match(checkIn('here'), { status: 0, stderr: '' })
  t.match(checkIn('there'), { status: 1, stderr: 'not ready: the migrator is still at work\n' })
})

t.test('on a server it is never ready, and names the check that is, whatever is at work', async t => {
  const folder = t.testdir({ 'migrator.js': 'console.log("up"); setInterval(() => undefined, 1000)' })
  const env = { DATABASE_URL: 'postgres://db1/homelab' }
  const child = spawn(process.execPath, [join(folder, 'migrator.js')], { cwd: folder, env })
  t.teardown(() => child.kill())
  await once(child.stdout, 'data')
  t.match(check({ DATABASE_URL: `sqlite:${folder}/none/homelab.db` }), {
    status: 1,
    stderr: /there is no ready marker/,
  })
  for (const scheme of ['postgres', 'postgresql'])
    t.match(check({ DATABASE_URL: `${scheme}://hub:s3cret@db1,db2/homelab` }), {
      status: 1,
      stderr:
        'not ready: a server has no ready marker, its history says what is ready: ask "migrator wait --timeout 0"\n',
    })
})

t.test('without settings it looks in the folder data beside it', async t => {
  const folder = t.testdir({ data: ready })
  const script = join(folder, 'healthcheck.sh')
  spawnSync('cp', [join(root, 'healthcheck.sh'), script])
  t.equal(spawnSync('/bin/sh', [script], { env: {} }).status, 0)
  rmSync(join(folder, 'data/.ready'))
  t.equal(spawnSync('/bin/sh', [script], { env: {} }).status, 1)
})

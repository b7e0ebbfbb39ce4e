import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { root, runProgram, settingsFor, spawnProgram } from '../help/program.ts'

const create = `export const up = async ({ context: schema }) => {
  await schema.createTable('hosts', { name: { type: 'TEXT', primaryKey: true }, note: 'TEXT' })
}
export const down = async ({ context: schema }) => schema.dropTable('hosts')`
const change = `export const up = async ({ context: schema }) => {
  await schema.removeColumn('hosts', 'note')
  await schema.renameColumn('hosts', 'name', 'hostname')
}`
const uniqueHostname = `export const up = async ({ context: schema }) => {
  await schema.addIndex('hosts', ['hostname', 'name'])
}`

const run = (
  t: Pick<Test, 'testdir'>,
  words: readonly string[],
  files: Readonly<Record<string, string>>,
  start = runProgram,
) => {
  const folder = t.testdir({ migrations: files })
  return start(
    ['lint', ...words],
    settingsFor(join(folder, 'no-volume'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') }),
  )
}

t.test('a misspelt name is told the nearest', async t => {
  t.match(await runProgram(['lint', '0003-ad-os-info'], {}), {
    exitCode: 2,
    failure: 'CONFIG_INVALID',
    stderr: /there is no migration 0003-ad-os-info in .*Did you mean 0003-add-os-info\?/,
  })
})

t.test('the migrations of the image have no findings, and neither volume nor database is needed', async t => {
  const folder = join(t.testdir(), 'no-volume')
  const outcome = await runProgram(['lint'], settingsFor(folder))
  t.match(outcome, { exitCode: 0, stdout: '0 errors, 0 warnings in 3 migrations\n', stderr: '' })
  t.equal(existsSync(folder), false)
})

t.test('people get each finding with statement and cure, and an error ends it with 2', async t => {
  const outcome = await run(t, [], { '0001-create.js': create, '0002-change.js': change })
  t.match(outcome, { exitCode: 2, failure: 'CONFIG_INVALID', stderr: /lint found 1 error in 0002-change/ })
  t.equal(
    outcome.stdout,
    `0002-change
  error DS103: up drops the column hosts.note
    ALTER TABLE "hosts" DROP COLUMN "note"
    Keep the column until nobody needs its values, or copy them first.
  warning BC102: up renames the column hosts.name to hostname
    ALTER TABLE "hosts" RENAME COLUMN "name" TO "hostname"
    Change the hub in the same release, and say so.
1 error, 1 warning in 2 migrations
`,
  )
})

t.test('machines get the same as JSON, on one line, before it ends with 2', async t => {
  const { exitCode, stdout } = await run(t, ['--json'], { '0001-create.js': create, '0002-change.js': change })
  t.equal(exitCode, 2)
  t.equal(stdout.trim().split('\n').length, 1)
  t.matchStrict(JSON.parse(stdout), {
    migrations: [
      { name: '0001-create', findings: [] },
      {
        name: '0002-change',
        findings: [
          {
            code: 'DS103',
            message: 'drops the column hosts.note',
            statement: 'ALTER TABLE "hosts" DROP COLUMN "note"',
            direction: 'up',
            level: 'error',
            cure: 'Keep the column until nobody needs its values, or copy them first.',
            place: { file: /0002-change\.js$/, line: 2, column: 16 },
          },
          {
            code: 'BC102',
            message: 'renames the column hosts.name to hostname',
            statement: 'ALTER TABLE "hosts" RENAME COLUMN "name" TO "hostname"',
            direction: 'up',
            level: 'warning',
            cure: 'Change the hub in the same release, and say so.',
            place: { file: /0002-change\.js$/, line: 3, column: 16 },
          },
        ],
      },
    ],
    errors: 1,
    warnings: 1,
  })
})

t.test('GitHub gets a line for each finding, and code scanning a log of SARIF, before it ends with 2', async t => {
  const files = { '0001-create.js': create, '0002-change.js': change }
  const { exitCode, stdout } = await run(t, ['--format', 'github', '0002-change'], files)
  t.equal(exitCode, 2)
  t.match(
    stdout,
    /^::error file=.*0002-change\.js,line=2,col=16,title=DS103::up drops the column hosts\.note\. .*\n::warning .*\n$/,
  )
  const sarif = await run(t, ['--format', 'sarif'], files)
  t.match(sarif, { exitCode: 2 })
  t.match(JSON.parse(sarif.stdout).runs[0].results, [{ ruleId: 'DS103' }, { ruleId: 'BC102', level: 'warning' }])
  t.match(await run(t, ['--format', 'xml'], files), { exitCode: 2, stdout: '' })
})

t.test('warnings alone end it with 0, and what is silenced with a reason is not there', async t => {
  const files = { '0001-create.js': create, '0002-change.js': `// lint-ok DS103: it was never written\n${change}` }
  t.match(await run(t, [], files), { exitCode: 0, stdout: /0 errors, 1 warning in 2 migrations/, stderr: '' })
})

t.test('only what is named is told, after all that it needs; what comes later does not run', async t => {
  const files = { '0001-create.js': create, '0002-change.js': change, '0003-index.js': uniqueHostname }
  t.match(await run(t, ['0001-create'], files), { exitCode: 0, stdout: '0 errors, 0 warnings in 1 migration\n' })
  t.match(await run(t, ['0003-index'], files), {
    exitCode: 2,
    stdout: /^0003-index\n {2}error HM001: up fails at 0003-index.js:2:16: no such column: name/i,
  })
  const { stdout } = await run(t, ['0001-create', '0002-change', '--json'], files)
  t.match(JSON.parse(stdout), { migrations: [{ name: '0001-create' }, { name: '0002-change' }], errors: 1 })
})

t.test('a name that is not known is refused with 2, and nothing is printed', async t => {
  const outcome = await run(t, ['0001-create', '0009-none'], { '0001-create.js': create })
  t.match(outcome, { exitCode: 2, failure: 'CONFIG_INVALID', stdout: '', stderr: /there is no migration 0009-none/ })
})

t.test('a migration that waits for nothing does not stop the others from being told', async t => {
  const files = {
    '0001-stuck.js': 'export const up = () => new Promise(() => undefined)',
    '0002-change.js': change,
  }
  const outcome = await run(t, [], files, spawnProgram)
  t.match(outcome, {
    exitCode: 2,
    stdout: /0001-stuck\n {2}error HM001: up fails: it never settles.*0002-change\n.*was not run/s,
  })
})

t.test('SIGTERM ends it with 143', async t => {
  const up =
    "export const up = async () => { process.kill(process.pid, 'SIGTERM'); await new Promise(done => setTimeout(done, 500)) }"
  t.match(await run(t, [], { '0001-slow.js': up }, spawnProgram), { exitCode: 143, failure: 'SIGTERM', stdout: '' })
})

t.test('a reader that leaves early is no error', async t => {
  const folder = t.testdir(
    Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`00${10 + index}-create.js`, change])),
  )
  const { status, stdout } = spawnSync('sh', ['-c', `"${process.execPath}" bin/migrator.js lint --json | head -c 10`], {
    cwd: root,
    env: { ...process.env, MIGRATOR_MIGRATIONS: folder },
    encoding: 'utf8',
  })
  t.strictSame([status, stdout, readdirSync(folder).length], [0, '{"migratio', 30])
})

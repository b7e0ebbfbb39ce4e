import { EventEmitter } from 'node:events'
import { copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { listenForStop } from '../src/process.ts'
import { makeMigrated } from './help/migrated.ts'
import { settingsFor, spawnProgram } from './help/program.ts'
import { noTerminal, runOnTerminal } from './help/terminal.ts'

for (const [title, keys, exitCode, said] of [
  ['yes', 'y\n', 0, /restored/],
  ['yes, in full and in capitals', 'YES\n', 0, /restored/],
  ['no', 'n\n', 2, /not confirmed/],
  ['nothing, by Enter', '\n', 2, /not confirmed/],
  ['nothing, by Ctrl-D', '\u0004', 2, /not confirmed/],
  ['nothing, by Ctrl-C', '\u0003', 130, /stopped by SIGINT/],
] as const) {
  t.test(`a person at the terminal says ${title}: exit code ${exitCode}`, { skip: noTerminal }, async t => {
    const { folder, file, connection } = await makeMigrated(t)
    connection.close()
    const backup = join(folder, 'copy.db')
    copyFileSync(file, backup)
    const outcome = await runOnTerminal(['restore', backup], settingsFor(folder), /\[y\/N\]/, keys)
    t.match(outcome, { exitCode, screen: said })
  })
}

const migrations = (t: Pick<Test, 'testdir'>, up: string) =>
  t.testdir({
    data: {},
    migrations: {
      '0001-noisy.js': `export const up = async ({ context: { sequelize } }) => {
  await sequelize.query('CREATE TABLE a (id INTEGER PRIMARY KEY)')
  ${up}
}
export const down = ({ context }) => context.sequelize.query('DROP TABLE a')
`,
    },
  })

const run = (folder: string, ...words: readonly string[]) =>
  spawnProgram(words, settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') }))

t.test('what a migration prints goes to standard error: standard output stays data', async t => {
  const folder = migrations(t, "console.log('hello'); process.stdout.write('dear reader\\n'); console.table([1])")
  for (const words of [['plan', '--json'], ['lint', '--json'], ['up'], ['verify', '--json']]) {
    const { exitCode, stderr, stdout } = await run(folder, ...words)
    t.equal(exitCode, 0, words.join(' '))
    if (words[0] === 'up') t.equal(stdout, '')
    else t.doesNotThrow(() => JSON.parse(stdout), words.join(' '))
    t.match(stderr, 'hello\ndear reader\n')
  }
})

t.test('the statements for a DBA hold nothing that a migration printed', async t => {
  const { stdout, stderr } = await run(migrations(t, "console.log('hello')"), 'plan', '--sql')
  t.match(stdout, 'CREATE TABLE a')
  t.notMatch(stdout, 'hello')
  t.match(stderr, 'hello')
})

t.test('a signal that comes before anybody asks for it is told to whoever asks', async t => {
  const program = new EventEmitter()
  const stopSignal = listenForStop(program as never)
  program.emit('SIGTERM')
  program.emit('unhandledRejection', new Error('later'))
  t.match(stopSignal(), { aborted: true, reason: { code: 'SIGTERM' } })
  t.equal(stopSignal(), stopSignal())
})

t.test('an end that the program did not come to is not taken for one', async t => {
  const folder = migrations(t, "process.removeAllListeners('beforeExit'); await new Promise(() => undefined)")
  t.match(await run(folder), { exitCode: 1 })
  t.notOk(readdirSync(join(folder, 'data')).includes('.ready'))
  t.match(await run(folder, 'status'), { exitCode: 0, stdout: /0 applied, 1 pending, not ready/ })
})

for (const [what, up, reason] of [
  ['ends the process as if all were well', 'process.exit(0)', /called exit\(0\)/],
  ['ends the process by a name of its own', 'process.exit()', /called exit\(\)/],
  [
    'ends the process in a callback',
    'await new Promise(() => { setTimeout(() => process.exit(0), 1) })',
    /called exit\(0\)/,
  ],
  [
    'throws in a callback',
    "await new Promise(() => { setTimeout(() => { throw new Error('too late') }, 1) })",
    /too late/,
  ],
] as const) {
  t.test(`a migration that ${what} fails like any other`, async t => {
    const folder = migrations(t, up)
    const outcome = await run(folder)
    t.match(outcome, { exitCode: 40, failure: 'MIGRATION_FAILED' })
    t.match(outcome.events.at(-1)?.message, reason)
    t.notOk(readdirSync(join(folder, 'data')).includes('.ready'))
  })
}

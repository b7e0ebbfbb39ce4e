import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { cli, commandTable } from '../src/cli.ts'
import { makeContext, withEngine } from './help/context.ts'
import { readJson, root, runProgram, settingsFor } from './help/program.ts'
import { pipe, terminalOf } from './help/screen.ts'

/** What the command line prints for words that run no command: nothing is opened for them. */
const printed = async (words: readonly string[], screen = pipe): Promise<string> => {
  const texts: string[] = []
  const print = (text: string) => void texts.push(text)
  const createContext = () => Promise.reject(new Error('the settings were read'))
  t.equal(await cli(words, '1.2.3', { print, screen }, createContext), 0)
  return texts.join('')
}

t.test('--version is that of package.json', async t => {
  const { exitCode, stdout } = await runProgram(['--version'], {})
  t.strictSame([exitCode, stdout], [0, `${readJson(`${root}/package.json`).version}\n`])
})

t.test('the help names each command, with what it is for, and reads no settings', async t => {
  const help = await printed(['--help'], terminalOf(200))
  for (const { name, description } of commandTable)
    t.match(help, new RegExp(`^ {2}${name}\\b.* {2,}`, 'm'), description)
  for (const words of [['help'], ['help', 'help']]) t.equal(await printed(words, terminalOf(200)), help)
})

t.test('the help is in groups, and ends with the settings, the exit codes and the documents', async t => {
  const headings = [...(await printed(['--help'])).matchAll(/^(\S.*):$/gm)].map(([, heading]) => heading)
  t.strictSame(headings, [
    'Options',
    ...['Everyday', 'Inspect, without a trace', 'Rescue', 'Write migrations'],
    ...['Settings, as environment variables', 'Exit codes', 'Documents'],
  ])
  t.notMatch(await printed(['up', '--help']), /Exit codes/)
})

t.test('each command has its own help, with an example of itself', async t => {
  for (const { name, options } of commandTable) {
    const help = await printed([name, '--help'])
    for (const { flags } of options) t.ok(help.includes(flags), `${name} ${flags}`)
    t.match(help, new RegExp(`\nExample:\n  migrator ${name}\\b`))
    t.equal(await printed(['help', name]), help)
  }
})

t.test('help is as wide as the terminal, and 80 columns where there is none', async t => {
  const widest = (help: string): number => Math.max(...help.split('\n').map(line => line.length))
  const [narrow, wide] = [await printed(['--help']), await printed(['--help'], terminalOf(120))]
  t.ok(widest(narrow) <= 80 && widest(narrow) > 70)
  t.ok(widest(wide) <= 120 && widest(wide) > 110)
})

for (const [words, said] of [
  [['migrate'], /there is no migrate: `migrator up` does that/],
  [['rollback', '--yes'], /`migrator down` does that/],
  [['new', 'create-alerts'], /`migrator create` does that/],
  [['info'], /`migrator status` does that/],
  [['history', '--json'], /`migrator status` does that/],
  [['--dry-run'], /`migrator plan` does that/],
  [['--quiet', 'migrate'], /there is no migrate: `migrator up` does that/],
  [['completion'], /missing required argument 'shell'/],
  [['completion', 'tcsh'], /Allowed choices are zsh, bash, fish/],
  [['complete', 'bash'], /Did you mean `completion bash`/],
  [['status', '--quiet', '--log-level', 'debug'], /cannot be used with/],
  [['--migrations'], /argument missing/],
  [['redo', '0001'], /too many arguments/],
  [['plan', '--format', 'sarif'], /Allowed choices are text, json, sql, github/],
  [['plan', '--sql', '--format', 'json'], /cannot be used with/],
  [['up', '--dry-run'], /there is no --dry-run: `migrator plan` does that/],
  [['upp'], /unknown command 'upp' \(Did you mean up\?\)/],
  [['stats'], /\(Did you mean status\?\)/],
  [['statsu', '--json'], /\(Did you mean status\?\)/],
  [['help', 'statsu'], /unknown command 'statsu' \(Did you mean status\?\)/],
  [['statsu', '--help'], /unknown command 'statsu' \(Did you mean status\?\)/],
  [['--jsn'], /unknown option '--jsn'/],
  [['status', '--jsn'], /\(Did you mean --json\?\)/],
  [['wait', '--timout', '1'], /\(Did you mean --timeout\?\)/],
  [['status', 'more'], /too many arguments/],
  [['up', '--nothing'], /unknown option/],
  [['up', '--hold', '--to', '0001-x'], /cannot be used with/],
  [['down', '--steps', '1', '--to', '0001-x'], /cannot be used with/],
  [['down', '--steps', '0'], /Use a whole number from 1/],
  [['wait', '--timeout', '1.5'], /Use a whole number of seconds/],
  [['repair'], /missing required argument 'name'/],
  [['plan', 'more'], /too many arguments/],
  [['plan', '--json', '--sql'], /cannot be used with/],
  [['lint', '--sql'], /unknown option/],
  [['schema', '--format', 'yaml'], /Allowed choices are sql, mermaid, markdown, json/],
  [['schema', '--format'], /argument missing/],
  [['schema', '--json', '--format', 'sql'], /cannot be used with/],
  [['verify', 'more'], /too many arguments/],
  [['adopt', '--force'], /unknown option/],
] as const)
  t.test(`"${words.join(' ')}" is refused in one line, before anything is opened`, async t => {
    await t.rejects(printed(words), { code: 'CONFIG_INVALID', message: said, hint: /^Run `migrator [^\n]*--help`/ })
  })

t.test('an error of a command is passed on as it is', async t => {
  const context = await makeContext(t.testdir())
  const nowhere = withEngine({ ...context, config: { ...context.config, volume: '/nowhere' } })
  const run = cli(['status'], '1.2.3', { print: () => undefined, screen: pipe }, async () => nowhere)
  await t.rejects(run, { code: 'VOLUME_MISSING' })
})

t.test('options of every command are settings, before or after its name, and go before the environment', async t => {
  const folder = t.testdir({ data: {}, other: {} })
  const file = join(folder, 'data', 'homelab.db')
  const url = ['--database-url', `sqlite:${file}`]
  const environment = settingsFor(join(folder, 'other'), { MIGRATOR_LOG_FORMAT: 'text' })
  const json = ['--log-format', 'json']
  t.match(await runProgram([...url, ...json], environment), { exitCode: 0, events: [{}, {}, {}, { event: 'up.done' }] })
  t.match(await runProgram(['up', ...url, '--log-format=json'], environment), { events: [{ event: 'up.nothing' }] })
  t.strictSame(readdirSync(join(folder, 'other')), [])
  for (const words of [
    ['--quiet', ...url],
    ['up', ...url, '--quiet'],
    ['--log-level', 'warn', 'up', ...url],
  ])
    t.match(await runProgram(words, environment), { exitCode: 0, stderr: '', stdout: '' })
  const migrations = join(folder, 'migrations')
  t.match(await runProgram(['create', 'create-x', '--migrations', migrations], environment), {
    stdout: join(migrations, '0001-create-x.ts'),
  })
})

t.test('an option of every command with a wrong value is refused as its setting is', async t => {
  for (const [words, setting] of [
    [['--database-url', 'mysql://x'], 'DATABASE_URL'],
    [['--log-format', 'xml'], 'MIGRATOR_LOG_FORMAT'],
    [['--log-level', 'loud'], 'MIGRATOR_LOG_LEVEL'],
  ] as const) {
    const folder = t.testdir({})
    t.match(await runProgram(['status', ...words], settingsFor(folder)), {
      exitCode: 2,
      failure: 'CONFIG_INVALID',
      stderr: setting,
    })
    t.strictSame(readdirSync(folder), [])
  }
})

t.test('an empty variable counts as unset for an option of every command, too', async t => {
  const environment = settingsFor(t.testdir(), { MIGRATOR_LOG_LEVEL: '' })
  t.match(await runProgram(['--log-format', 'json'], environment), { exitCode: 0 })
})

for (const shell of ['bash', 'zsh', 'fish'])
  t.test(`completion ${shell} is a script that asks this program`, async t => {
    t.match(await printed(['completion', shell]), /migrator complete -- /)
  })

for (const [typed, offered] of [
  [['do'], /^down\t/],
  [['--migrations', 'm', 'stat'], /^status\t/],
  [['down', '--s'], /^--steps\t/],
  [['down', '--qu'], /^--quiet\t/],
  [['schema', '--format', ''], /^sql\t\nmermaid\t\n/],
  [['completion', ''], /^zsh\t\nbash\t\nfish\t\n:/],
  [['--log-level', ''], /^debug\t\ninfo\t\n/],
  [['status', '--log-format', 'j'], /^json\t\n:/],
  [['diff', 'x', '--models', ''], /^:0\n$/],
  [['restore', ''], /^:0\n$/],
  [['nothing', 'a'], /^:4\n$/],
] as const)
  t.test(`TAB after "${typed.join(' ')}" offers what may come`, async t => {
    t.match(await printed(['complete', '--', ...typed]), offered)
  })

t.test('what completes words is not offered itself, and prints nowhere else afterwards', async t => {
  const { log } = console
  t.notMatch(await printed(['complete', '--', 'comple']), /^complete\t/m)
  t.equal(console.log, log)
})

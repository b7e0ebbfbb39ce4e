import t from 'tap'
import { readJson, root, runProgram, settingsFor } from './help/program.ts'

t.test('--version is that of package.json', async t => {
  const { exitCode, stdout } = await runProgram(['--version'], {})
  t.strictSame([exitCode, stdout], [0, `${readJson(`${root}/package.json`).version}\n`])
})

t.test('--help goes to standard output and names the commands', async t => {
  for (const words of [['--help'], ['help']]) {
    const outcome = await runProgram(words, {})
    t.match(outcome, { exitCode: 0, stderr: '' })
    for (const command of ['up', 'status', 'repair']) t.match(outcome.stdout, new RegExp(`^ {2}${command}\\b`, 'm'))
  }
})

t.test('help of a misspelt command names the nearest', async t => {
  for (const words of [
    ['help', 'statsu'],
    ['statsu', '--help'],
    ['statsu', '--json'],
  ])
    t.match(await runProgram(words, {}), {
      exitCode: 2,
      stdout: '',
      stderr: /unknown command 'statsu' \(Did you mean status\?\)/,
    })
  t.match(await runProgram(['help', 'help'], {}), { exitCode: 0, stdout: /Usage/ })
})

t.test('each command has its own help', async t => {
  t.match(await runProgram(['status', '--help'], {}), { exitCode: 0, stdout: /--json/ })
})

for (const words of [['upp'], ['--jsn'], ['status', '--jsn'], ['status', 'more'], ['up', '--nothing']]) {
  t.test(`"${words.join(' ')}" is refused with 2, in one line`, async t => {
    const outcome = await runProgram(words, {})
    t.match(outcome, { exitCode: 2, failure: 'CONFIG_INVALID', stdout: '' })
    t.equal(outcome.stderr.trim().split('\n').length, 1)
  })
}

for (const [words, nearest] of [
  [['stats'], 'status'],
  [['status', '--jsn'], '--json'],
  [['wait', '--timout', '1'], '--timeout'],
] as const) {
  t.test(`"${words.join(' ')}" suggests ${nearest}`, async t => {
    t.match(await runProgram(words, {}), { exitCode: 2, stderr: new RegExp(`Did you mean ${nearest}\\?`) })
  })
}

for (const [words, options] of [
  [['backup'], []],
  [['backups'], ['--json']],
  [['restore'], ['--latest', '--yes']],
] as const) {
  t.test(`the help of ${words} names ${options.join(' and ') || 'no options'}, and has an example`, async t => {
    const { exitCode, stdout } = await runProgram([...words, '--help'], {})
    t.equal(exitCode, 0)
    for (const option of options) t.ok(stdout.includes(option), option)
    t.match(stdout, /\nExample:\n {2}migrator /)
  })
}

t.test('each command says what it is for, with an example', async t => {
  const { stdout } = await runProgram(['--help'], {})
  const names = [...stdout.matchAll(/^ {2}(\w+)\b.* {2,}\S/gm)]
    .map(([, name = '']) => name)
    .filter(name => name !== 'help')
  t.ok(names.length >= 5)
  for (const name of names) {
    t.match(await runProgram([name, '--help'], {}), {
      exitCode: 0,
      stdout: new RegExp(`\nExample:\n  migrator ${name}`),
    })
  }
})

t.test('plan and lint are there, and say that they touch nothing', async t => {
  const { stdout } = await runProgram(['--help'], {})
  t.match(
    stdout.replaceAll(/\s+/g, ' '),
    /plan \[options\] .*; touches nothing lint \[options\] \[name\.\.\.\] .*; opens no database/,
  )
})

for (const words of [
  ['plan', 'more'],
  ['plan', '--json', '--sql'],
  ['lint', '--sql'],
])
  t.test(`"${words.join(' ')}" is refused with 2`, async t => {
    t.match(await runProgram(words, {}), { exitCode: 2, failure: 'CONFIG_INVALID', stdout: '' })
  })

for (const words of [
  ['schema', '--format', 'yaml'],
  ['schema', '--format'],
  ['schema', '--json', '--format', 'sql'],
  ['verify', 'more'],
  ['adopt', '--force'],
]) {
  t.test(`"${words.join(' ')}" is refused with 2`, async t => {
    const outcome = await runProgram(words, settingsFor(t.testdir()))
    t.match(outcome, { exitCode: 2, failure: 'CONFIG_INVALID', stdout: '' })
  })
}

t.test('the formats of schema are in its help', async t => {
  t.match(await runProgram(['schema', '--help'], {}), { exitCode: 0, stdout: /"sql", "mermaid", "markdown", "json"/ })
})

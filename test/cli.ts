import t from 'tap'
import { readJson, root, runProgram } from './help/program.ts'

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

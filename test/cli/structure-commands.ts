import t from 'tap'
import { runProgram, settingsFor } from '../help/program.ts'

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

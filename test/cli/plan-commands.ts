import t from 'tap'
import { runProgram } from '../help/program.ts'

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

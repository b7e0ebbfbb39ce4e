import t from 'tap'
import { runProgram } from '../help/program.ts'

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

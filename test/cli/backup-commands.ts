import t from 'tap'
import { runProgram } from '../help/program.ts'

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

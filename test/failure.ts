import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { exitCodes, Failure } from '../src/failure.ts'
import { root } from './help/program.ts'

t.test('a failure carries its code, exit code, hint and cause', async t => {
  const cause = new Error('why')
  t.match(new Failure('DISK_FULL', 'the disk is full', 'Free some.', cause), {
    code: 'DISK_FULL',
    exitCode: 11,
    message: 'the disk is full',
    hint: 'Free some.',
    cause,
  })
})

t.test('its message is one line, whatever it quotes', async t => {
  t.match(new Failure('MIGRATION_FAILED', 'it failed: two\nlines', 'Mend\nit.'), {
    message: 'it failed: two lines',
    hint: 'Mend it.',
  })
})

t.test('no exit code is one that container engines and the kernel use', async t => {
  for (const code of Object.values(exitCodes)) t.notMatch([125, 126, 127, 137, 139].includes(code), true)
})

t.test("the README's table of exit codes is this table", async t => {
  const rows = readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^\| (\d+) \| ([A-Z][A-Z_, ]+) \|/gm)
  const documented = [...rows].flatMap(([, number, names = '']) =>
    names.split(', ').map(name => [name.trim(), Number(number)]),
  )
  t.strictSame(Object.fromEntries(documented), exitCodes)
})

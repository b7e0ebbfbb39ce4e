import { spawnSync } from 'node:child_process'
import t from 'tap'
import { attempt, errorCode, exitCodes, Failure, forShell, printable, unlessGone } from '../src/failure.ts'
import { terminalOf } from './help/screen.ts'

t.test('the value, or what was thrown', async t => {
  const error = new Error('x')
  t.strictSame(
    attempt(() => 1),
    { value: 1 },
  )
  t.strictSame(
    attempt(() => {
      throw error
    }),
    { error },
  )
})

t.test('an error with a code gives it, anything else gives none', async t => {
  t.equal(errorCode(Object.assign(new Error('x'), { code: 'ENOENT' })), 'ENOENT')
  t.equal(errorCode(new Error('x')), undefined)
  t.equal(errorCode({ code: 'ENOENT' }), undefined)
})

t.test('what is gone gives nothing, and any other error is thrown on', async t => {
  const fail = (code: string) => () => {
    throw Object.assign(new Error('x'), { code })
  }
  t.equal(
    unlessGone(() => 5),
    5,
  )
  t.equal(unlessGone(fail('ENOENT')), undefined)
  t.throws(() => unlessGone(fail('EIO')), { code: 'EIO' })
})

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

t.test('a shell reads the path as it is', async t => {
  for (const path of ['/app/data', '/a b', "/it's", '/$HOME', '/a;b', '/`x`', '/a\\b', 'homelab-data:/app/data', '']) {
    const { stdout } = spawnSync('sh', ['-c', `printf %s ${forShell(path)}`], { encoding: 'utf8' })
    t.equal(stdout, path)
  }
})

t.test('one that needs no quotes has none', async t => {
  for (const path of ['/app/data', 'homelab-data:/app/data', '/data:uid=1000,gid=1000']) t.equal(forShell(path), path)
})

const { paint } = terminalOf(80)

t.test('a line break is a space, and what else a terminal obeys is shown by its code', async t => {
  t.equal(printable('two\nlines\r\t'), 'two lines\\x0d\\x09')
  t.equal(printable('\u001b[2Jgone\u0007\u009b1m'), '\\x1b[2Jgone\\x07\\x9b1m')
})

t.test('colours and letters of all kinds stay', async t => {
  for (const text of [paint('red', 'wrong'), 'Größe', '\u65e5\u672c', '']) t.equal(printable(text), text)
})

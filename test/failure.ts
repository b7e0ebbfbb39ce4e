import { spawnSync } from 'node:child_process'
import t from 'tap'
import {
  attempt,
  errorCode,
  escapeControls,
  exitCodes,
  Failure,
  forShell,
  must,
  printable,
  reasonOf,
  unlessGone,
} from '../src/failure.ts'

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

t.test('whatever was thrown has a reason that can be told', async t => {
  const broken = Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('broken')
    },
  })
  t.strictSame([null, undefined, 'text', Symbol('it'), new Error('why')].map(reasonOf), [
    ...['null', 'undefined', 'text', 'Symbol(it)', 'why'],
  ])
  t.match([Object.create(null), broken, { toString: 5 }].map(reasonOf), Array(3).fill('what it threw has no message'))
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

t.test('a line break is a space, and what else a terminal obeys is shown by its code', async t => {
  t.equal(printable('two\nlines\r\t'), 'two lines\\u000d\\u0009')
  t.equal(printable('\u001b[2Jgone\u0007\u009b1m'), '\\u001b[2Jgone\\u0007\\u009b1m')
  t.equal(printable('\u001b[31mred'), '\\u001b[31mred', 'colours too')
  t.equal(printable('a\u202eb'), 'a\\u202eb', 'and what turns the direction')
})

t.test('text of many lines keeps them, and its tabs', async t => {
  t.equal(escapeControls('one\r\ntwo\tthree\n\r'), 'one\ntwo\tthree\n\\u000d')
  t.equal(JSON.parse(escapeControls(JSON.stringify('\u009b\u202e'))), '\u009b\u202e', 'JSON stays what it was')
})

t.test('letters of all kinds stay', async t => {
  for (const text of ['Größe', '\u65e5\u672c', '']) t.equal(printable(text), text)
})

t.test('a value that is always there is a bug of ours where it is missing, and not an empty one', async t => {
  t.equal(must(['one', 'two'].at(-1)), 'two')
  t.equal(must(''), '')
  t.throws(() => must([].at(-1)), { message: /^a bug: a value is missing/ })
})

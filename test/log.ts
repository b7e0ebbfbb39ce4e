import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { styleText } from 'node:util'
import t from 'tap'
import {
  createLog,
  createPaint,
  type LogFormat,
  type LogLevel,
  type Screen,
  type Style,
  secondLine,
  writeText,
} from '../src/log.ts'
import { pipe, terminalOf } from './help/screen.ts'

const logged = (t: Tap, format: LogFormat, lowest: LogLevel, screen: Screen): string => {
  const file = join(t.testdir(), 'log')
  const descriptor = openSync(file, 'w')
  const log = createLog(format, lowest, descriptor, screen)
  log.info('hold.holding', 'one')
  log.info('create.folder', 'two', { folder: '/new' })
  log.draw('[####----] 50 %')
  log.warn('hold.gone', 'three')
  log.error('failed', 'four', { code: 'BUG', exitCode: 1 })
  closeSync(descriptor)
  return readFileSync(file, 'utf8')
}
type Tap = Pick<typeof t, 'testdir'>

t.test('text is the message alone, with its level where it is a warning or an error', async t => {
  t.equal(logged(t, 'text', 'debug', pipe), 'one\ntwo\nwarn: three\nerror: four\n')
})

t.test('a failure is one event: a second line in text, one line in JSON, with commands that can be pasted', async t => {
  const file = join(t.testdir(), 'log')
  const told = (format: LogFormat): string => {
    const descriptor = openSync(file, 'w')
    const log = createLog(format, 'info', descriptor, pipe, 'docker compose run --rm migrator')
    log.error('failed', `it failed (PENDING)${secondLine}Run \`migrator up\`.`, { code: 'PENDING', exitCode: 3 })
    closeSync(descriptor)
    return readFileSync(file, 'utf8')
  }
  t.equal(told('text'), 'error: it failed (PENDING)\n  Run `docker compose run --rm migrator up`.\n')
  const [line = '', ...more] = told('json').trim().split('\n')
  t.match(JSON.parse(line), { message: 'it failed (PENDING). Run `docker compose run --rm migrator up`.' })
  t.strictSame(more, [])
})

t.test('levels below the lowest are left out', async t => {
  t.equal(logged(t, 'text', 'error', pipe), 'error: four\n')
})

t.test('json is an object a line, with the event and the data', async t => {
  const lines = logged(t, 'json', 'info', pipe).trim().split('\n')
  t.match(
    lines.map(line => JSON.parse(line)),
    [
      { event: 'hold.holding' },
      { time: /^\d{4}-.*Z$/, level: 'info', event: 'create.folder', message: 'two', folder: '/new' },
      { event: 'hold.gone' },
      { event: 'failed', exitCode: 1 },
    ],
  )
})

t.test('on a terminal warnings are yellow and errors red, and what was drawn makes way', async t => {
  t.equal(
    logged(t, 'text', 'info', terminalOf(80)),
    'one\ntwo\n\r\u001b[K[####----] 50 %\r\u001b[K\u001b[33mwarn:\u001b[39m three\n\u001b[31merror:\u001b[39m four\n',
  )
})

t.test('what is drawn is cut to the width of the terminal: a line that is wrapped could not be drawn over', async t => {
  t.match(logged(t, 'text', 'info', terminalOf(10)), '\r\u001b[K[####----\r\u001b[K')
})

t.test('a terminal that asked for JSON, or for no more than warnings, gets no drawing', async t => {
  for (const [format, lowest] of [
    ['json', 'info'],
    ['text', 'warn'],
  ] as const)
    t.notMatch(logged(t, format, lowest, terminalOf(80)), '####')
})

t.test('a log that cannot be written stops nobody', async t => {
  const descriptor = openSync(join(t.testdir({ file: '' }), 'file'), 'r')
  t.doesNotThrow(() => createLog('json', 'info', descriptor, pipe).error('failed', 'one', { code: 'BUG', exitCode: 1 }))
  closeSync(descriptor)
})

const red = '\u001b[31m'

t.test('colours that are meant are shown, and those of a name are not, in colour or not', async t => {
  const style = (style: Style, text: string) => styleText(style, text, { validateStream: false })
  const { paint, show } = createPaint(style)
  t.equal(show(`${paint('red', 'wrong')} ${red}evil`), `${red}wrong\u001b[39m \\u001b[31mevil`)
  t.notMatch(show(createPaint(style).paint('red', 'x')), '\u001b', 'nor are those of another screen')
})

t.test('on a pipe there is no escape sequence at all', async t => {
  const { paint, show } = createPaint((_, text) => text)
  t.equal(show(`${paint('red', 'wrong')} ${red}`), 'wrong \\u001b[31m')
})

const writer = (amount: number): string => `
  import { writeText } from ${JSON.stringify(join(import.meta.dirname, '../src/log.ts'))}
  process.stdout._handle?.setBlocking?.(false)
  writeText(1, 'x'.repeat(${amount}))
  writeText(2, 'done')`

const start = (amount: number) =>
  spawn(process.execPath, ['--input-type=module-typescript', '-e', writer(amount)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })

t.test('a slow reader gets every byte', async t => {
  const child = start(3_000_000)
  await setTimeout(300)
  t.equal((await text(child.stdout)).length, 3_000_000)
})

t.test('a reader that left is no error', async t => {
  const child = start(3_000_000)
  child.stdout.destroy()
  t.equal(await text(child.stderr), 'done')
})

t.test('any other error is thrown', async t => {
  const descriptor = openSync(join(t.testdir({ file: '' }), 'file'), 'r')
  t.throws(() => writeText(descriptor, 'x'), { code: 'EBADF' })
  closeSync(descriptor)
})

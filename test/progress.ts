import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLog } from '../src/log.ts'
import { createProgress, type Unit } from '../src/progress.ts'
import type { Screen } from '../src/screen.ts'
import { pipe, terminalOf } from './help/screen.ts'

type Work = Readonly<{
  format: 'text' | 'json'
  screen: Screen
  unit?: Unit
  /** a batch of so much takes so many milliseconds; ten of them are all */
  batch?: number
  each: number
  pieces?: readonly string[]
}>

/** What is written while the work is done. */
const shown = (
  t: Pick<typeof import('tap').t, 'testdir'>,
  { format, screen, unit = 'rows', batch = 100, each, pieces = ['metrics'] }: Work,
): string => {
  const file = join(t.testdir(), 'log')
  const descriptor = openSync(file, 'w')
  let time = 0
  const log = createLog(format, 'info', descriptor, screen)
  const progress = createProgress(log, unit, () => time)
  for (const piece of pieces) {
    for (let done = batch; done <= 10 * batch; done += batch) {
      time += each
      progress(piece, done, 10 * batch)
    }
  }
  log.info('x', 'done')
  closeSync(descriptor)
  return readFileSync(file, 'utf8')
}

t.test('a log gets a line every five seconds, with rows done, of all, and a second', async t => {
  const lines = shown(t, { format: 'json', screen: pipe, each: 1000 }).trim().split('\n')
  t.equal(lines.length, 2)
  t.match(JSON.parse(lines[0] ?? ''), {
    event: 'progress',
    message: 'metrics: 50 %, 500 of 1,000 rows, 100 rows/s',
    what: 'metrics',
    unit: 'rows',
    done: 500,
    total: 1000,
    perSecond: 100,
  })
})

t.test('bytes are told as people read them, and to machines as numbers', async t => {
  const work = { format: 'json', screen: pipe, unit: 'bytes', batch: 250_000_000, each: 1000 } as const
  t.match(JSON.parse(shown(t, work).split('\n')[0] ?? ''), {
    message: 'metrics: 50 %, 1.3 GB of 2.5 GB, 250.0 MB/s',
    unit: 'bytes',
    done: 1_250_000_000,
    perSecond: 250_000_000,
  })
})

t.test('the next piece of work has a pace of its own', async t => {
  const lines = shown(t, { format: 'text', screen: pipe, each: 1000, pieces: ['servers', 'metrics'] }).split('\n')
  t.match(lines, [/^servers: 50 %.* 100 rows\/s$/, /^metrics: 50 %.* 100 rows\/s$/, 'done'])
})

t.test('work of less than five seconds says nothing in a log', async t => {
  t.equal(shown(t, { format: 'text', screen: pipe, each: 400 }), 'done\n')
})

t.test('work on nothing at all is done', async t => {
  t.equal(shown(t, { format: 'text', screen: terminalOf(80), batch: 0, each: 0, pieces: [] }), 'done\n')
  const file = join(t.testdir(), 'log')
  const descriptor = openSync(file, 'w')
  createProgress(createLog('text', 'info', descriptor, terminalOf(80)), 'rows')('metrics', 0, 0)
  closeSync(descriptor)
  t.equal(readFileSync(file, 'utf8'), '')
})

t.test('a terminal gets a bar that is drawn over itself and gone at the end', async t => {
  const text = shown(t, { format: 'text', screen: terminalOf(80), each: 60 })
  t.match(text, '\r\u001b[Kmetrics [####----------------] 20 %, 200 of 1,000 rows, 1,667 rows/s\r\u001b[K')
  t.ok(text.endsWith('\r\u001b[Kdone\n'))
})

t.test('a terminal that asked for JSON gets no bar', async t => {
  t.notMatch(shown(t, { format: 'json', screen: terminalOf(80), each: 1000 }), '\u001b')
})

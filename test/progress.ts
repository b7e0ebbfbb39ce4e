import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLog } from '../src/log.ts'
import { createProgress } from '../src/progress.ts'

/** What is written when ten batches of 100 rows take so many milliseconds each. */
const shown = (
  t: Pick<typeof import('tap').t, 'testdir'>,
  format: 'text' | 'json',
  terminal: boolean,
  each: number,
): string => {
  const file = join(t.testdir(), 'log')
  const descriptor = openSync(file, 'w')
  let time = 0
  const log = createLog(format, 'info', descriptor, terminal)
  const progress = createProgress(log, 'rows', () => time)
  for (let done = 100; done <= 1000; done += 100) {
    time += each
    progress('metrics', done, 1000)
  }
  log.info('x', 'done')
  closeSync(descriptor)
  return readFileSync(file, 'utf8')
}

t.test('a log gets a line every five seconds, with rows done, of all, and a second', async t => {
  const lines = shown(t, 'json', false, 1000).trim().split('\n')
  t.equal(lines.length, 2)
  t.match(JSON.parse(lines[0] ?? ''), {
    event: 'progress',
    message: 'metrics: 50 %, 500 of 1,000 rows, 100 rows/s',
    what: 'metrics',
    done: 500,
    total: 1000,
    rowsPerSecond: 100,
  })
})

t.test('work of less than five seconds says nothing in a log', async t => {
  t.equal(shown(t, 'text', false, 400), 'done\n')
})

t.test('a terminal gets a bar that is drawn over itself and gone at the end', async t => {
  const text = shown(t, 'text', true, 60)
  t.match(text, '\r\u001b[Kmetrics [####----------------] 20 %, 200 of 1,000 rows, 1,667 rows/s\r\u001b[K')
  t.ok(text.endsWith('\r\u001b[Kdone\n'))
})

t.test('a terminal that asked for JSON gets no bar', async t => {
  t.notMatch(shown(t, 'json', true, 1000), '\u001b')
})

import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLog, type LogFormat, type LogLevel } from '../src/log.ts'

const logged = (t: Tap, format: LogFormat, lowest: LogLevel): string => {
  const file = join(t.testdir(), 'log')
  const descriptor = openSync(file, 'w')
  const log = createLog(format, lowest, descriptor)
  log.debug('a', 'one')
  log.info('b', 'two', { size: 3 })
  log.warn('c', 'three')
  log.error('d', 'four')
  closeSync(descriptor)
  return readFileSync(file, 'utf8')
}
type Tap = Pick<typeof t, 'testdir'>

t.test('text is the message alone, with its level where it is a warning or an error', async t => {
  t.equal(logged(t, 'text', 'debug'), 'one\ntwo\nwarn: three\nerror: four\n')
})

t.test('levels below the lowest are left out', async t => {
  t.equal(logged(t, 'text', 'error'), 'error: four\n')
})

t.test('json is an object a line, with the event and the data', async t => {
  const lines = logged(t, 'json', 'info').trim().split('\n')
  t.equal(lines.length, 3)
  t.match(JSON.parse(lines[0] ?? ''), { time: /^\d{4}-.*Z$/, level: 'info', event: 'b', message: 'two', size: 3 })
})

import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLog, type Screen } from '../src/log.ts'
import {
  createProgress,
  didYouMean,
  formatBytes,
  formatCount,
  formatThings,
  formatTime,
  headedTable,
  textTable,
  type Unit,
} from '../src/text.ts'
import { pipe, terminalOf } from './help/screen.ts'

const words = ['MIGRATOR_CHECK', 'MIGRATOR_BACKUP', 'MIGRATOR_BACKUP_KEEP', 'MIGRATOR_LOCK_TIMEOUT']

for (const [how, misspelt, meant] of [
  ['a letter swapped with the next', 'MIGRATOR_CHEKC', 'MIGRATOR_CHECK'],
  ['a letter too many', 'MIGRATOR_BACKUPS', 'MIGRATOR_BACKUP'],
  ['a letter too few', 'MIGRATOR_CHCK', 'MIGRATOR_CHECK'],
  ['another letter', 'MIGRATOR_CHACK', 'MIGRATOR_CHECK'],
  ['an end that is missing', 'MIGRATOR_LOCK_TIME', 'MIGRATOR_LOCK_TIMEOUT'],
  ['one edit from one word and two from another', 'MIGRATOR_BACKUP_KEE', 'MIGRATOR_BACKUP_KEEP'],
] as const) {
  t.test(`${how}: ${misspelt} was meant to be ${meant}`, async t => {
    t.equal(didYouMean(misspelt, words), ` (Did you mean ${meant}?)`)
  })
}

t.test('what is more than three edits away was not meant', async t => {
  for (const misspelt of ['MIGRATOR_DATABASE', 'MIGRATOR_', '', 'MIGRATOR_BACKUP_KEEPERS_'])
    t.equal(didYouMean(misspelt, words), '', misspelt)
  t.equal(didYouMean('x', []), '')
})

t.test('large numbers are grouped', async t => {
  t.strictSame([0, 999, 475_200].map(formatCount), ['0', '999', '475,200'])
})

t.test('one thing is told apart from many', async t => {
  t.strictSame(
    [0, 1, 1000].map(count => formatThings(count, 'backup')),
    ['0 backups', '1 backup', '1,000 backups'],
  )
})

t.test('bytes are told in the unit that fits', async t => {
  t.strictSame(
    [0, 999, 1000, 1_250_000, 3e15].map(bytes => formatBytes(bytes)),
    ['0 B', '999 B', '1 kB', '1.25 MB', '3 PB'],
  )
})

t.test('a time is read to the second', async t => {
  t.equal(formatTime('2026-01-18T10:00:00.250Z'), '2026-01-18 10:00:00')
})

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
  log.info('hold.ended', 'done')
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
    message: 'metrics: 50 %, 1.25 GB of 2.5 GB, 250 MB/s',
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

const { paint } = terminalOf(80)

t.test('columns are aligned, and nothing trails', async t => {
  t.strictSame(textTable([['a', 'bb', ''], ['ccc', 'd', 'e'], ['f']]), ['  a    bb', '  ccc  d   e', '  f'])
  t.strictSame(textTable([['a'], ['b', 'c']]), ['  a', '  b  c'])
  t.strictSame(textTable([]), [])
})

t.test('a name cannot break out of its cell', async t => {
  t.strictSame(textTable([['a\nb', 'c']]), ['  a b  c'])
})

t.test('a cell in colour is as wide as its text', async t => {
  const red = paint('red', 'ab')
  t.strictSame(
    textTable([
      [red, 'x'],
      ['abcd', 'y'],
    ]),
    [`  ${red}    x`, '  abcd  y'],
  )
})

t.test('a heading stands above the rows, in bold where there are colours', async t => {
  t.strictSame(headedTable(pipe, ['name', 'rows'], [['servers', '3']]), ['  name     rows', '  servers  3'])
  t.strictSame(headedTable(terminalOf(80), ['name'], [['a']]), [`  ${paint('bold', 'name')}`, '  a'])
  t.strictSame(headedTable(pipe, ['name', 'rows'], []), ['  name  rows'])
})

t.test('where the screen is too narrow each row has its first cell above the others, and nothing is cut', async t => {
  const rows = [
    ['servers', '3', 'ok'],
    ['metrics', '1,000', ''],
  ]
  const wide = headedTable(terminalOf(20), ['name', 'rows', 'is'], rows)
  t.equal(wide.length, 3, 'a line that just fits')
  t.strictSame(headedTable({ ...pipe, columns: 19 }, ['name', 'rows', 'is'], rows), [
    '  name',
    '    rows   is',
    '  servers',
    '    3      ok',
    '  metrics',
    '    1,000',
  ])
  t.strictSame(headedTable({ ...pipe, columns: 3 }, ['name'], [['servers']]), ['  name', '  servers'])
})

/** docs/logging.md lists each event that src logs, with its level and fields, and no other. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../help/program.ts'

/** `failed error: code, exitCode` */
const line = (event: string, level: string, fields: readonly string[]): string =>
  `${event} ${level}: ${fields.join(', ')}`

/** The text up to the parenthesis that closes the one before it. */
const untilClosed = (text: string): string => {
  let depth = 1
  const end = [...text].findIndex(character => {
    if (character === '(') depth += 1
    if (character === ')') depth -= 1
    return depth === 0
  })
  return text.slice(0, end)
}

/** What a file logs. The fields are the keys of the object that a call ends with, written out there. */
const logged = (text: string): readonly string[] =>
  [...text.matchAll(/\blog\.(debug|info|warn|error)\(/g)].map(({ 0: start, 1: level = '', index }) => {
    const call = untilClosed(text.slice(index + start.length))
    const event = /^\s*'([\w.-]+)'/.exec(call)?.[1] ?? `(no name in quotes: ${call})`
    const data = /,\s*\{([^{}]*)\}\s*,?\s*$/.exec(call)?.[1] ?? ''
    const fields = data.split(',').map(field => field.replace(/:[\s\S]*/, '').trim())
    return line(event, level, fields.filter(Boolean))
  })

const src = join(root, 'src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
const inSources = new Set(files.flatMap(file => logged(readFileSync(join(src, file), 'utf8'))))

const table = readFileSync(join(root, 'docs/logging.md'), 'utf8')
const documented = [...table.matchAll(/^\| `([\w.-]+)` \| (\w+) \|([^|]*)\|[^|]+\|$/gm)].map(
  ([, event = '', level = '', fields = '']) => line(event, level, fields.match(/\w+/g) ?? []),
)

t.test(
  'every event that is logged is documented, with its level and fields, and every documented one is logged',
  async t => {
    t.strictSame(documented.toSorted(), [...inSources].toSorted())
  },
)

t.test('an event has one row: one level, and the same fields wherever it is logged', async t => {
  const events = [...inSources].map(event => event.split(' ')[0])
  t.strictSame(events.toSorted(), [...new Set(events)].toSorted())
})

t.test('the sources are read as they are written', async t => {
  const source = "log.info('a.b', `c (d)`, {\n  e,\n  f: g.h,\n})\nlog.warn('i.not-j', 'k')"
  t.strictSame(logged(source), ['a.b info: e, f', 'i.not-j warn: '])
  t.match(logged('log.info(name)'), [/no name in quotes/])
})

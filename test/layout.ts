/** What the map in CONTRIBUTING.md promises of src: each list is of what breaks a rule, and is empty. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { ceiling, files, heartLines, offenders, readingList } from '../scripts/layout.ts'
import { root } from './help/program.ts'
import { filesOf } from './help/run-files.ts'

t.test('rooms import in one order, and only the rooms about SQLite know it', async t => {
  for (const [rule, list] of Object.entries(offenders())) t.strictSame(list, [], rule)
})

t.test('the heart can be read in half an hour', async t => {
  t.ok(heartLines <= ceiling, `${heartLines} lines`)
})

// postgres/glance.ts looks for the settings that the driver takes from there itself
t.test('only main.ts, the library and what a hub opens touch the process, but for who we are in a hint', async t => {
  const touching = files.filter(({ text }) => /^[^/*]*\bprocess\.(?!getBuiltinModule)/m.test(text))
  t.strictSame(
    touching.map(({ file }) => file),
    ['hub/ready-server.ts', 'library/run.ts', 'main.ts', 'postgres/glance.ts', 'volume/errors.ts'],
  )
})

t.test('there are no default exports and no barrels', async t => {
  t.strictSame(
    files.filter(({ text }) => /\bexport default\b|export \* from/.test(text)).map(({ file }) => file),
    [],
  )
})

t.test('each room has its tests', async t => {
  const rooms = new Set(files.filter(({ file }) => file.includes('/')).map(({ room }) => room))
  t.strictSame(
    [...rooms].filter(room => !existsSync(join(root, 'test', room))),
    [],
  )
})

t.test('npm test runs every test file once, but for those of servers and containers of their own', async t => {
  const rooms = globSync('test/rooms/*.ts', { cwd: root }).map(file => readFileSync(join(root, file), 'utf8'))
  const patterns = rooms.flatMap(text => [...text.matchAll(/'([a-z*!].*?\.ts)'/g)].map(([, pattern = '']) => pattern))
  const run = filesOf(...patterns, 'outputs.ts')
  const all = filesOf('**/*.ts').filter(file => !/^(?:cluster|containers|help|rooms)\//.test(file))
  t.strictSame(run.toSorted(), all.toSorted())
})

t.test('CONTRIBUTING.md names every file right in src, and the heart in the order of the reading list', async t => {
  const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
  const [, map = '', heart = ''] = /## The map\n([\s\S]*?)The heart is([\s\S]*?)With nothing pending/.exec(text) ?? []
  const named = (part: string) => [...new Set([...part.matchAll(/[\w-]+\.ts/g)].map(([name]) => name))]
  t.strictSame(
    files.filter(({ file }) => !file.includes('/') && !named(map).includes(file)).map(({ file }) => file),
    [],
  )
  t.strictSame(
    named(heart),
    readingList.map(file => basename(file)),
  )
})

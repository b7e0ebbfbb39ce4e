/** What the map in CONTRIBUTING.md promises of src: each list is of what breaks a rule, and is empty. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from './help/program.ts'

const src = join(root, 'src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
const textOf = (file: string): string => readFileSync(join(src, file), 'utf8')

t.test('only main.ts and process.ts touch the process', async t => {
  const touching = files.filter(file => /^[^/*]*\bprocess\.(?!getBuiltinModule)/m.test(textOf(file)))
  t.strictSame(touching, ['main.ts'])
})

t.test('there are no default exports and no barrels', async t => {
  t.strictSame(
    files.filter(file => /\bexport default\b|export \* from/.test(textOf(file))),
    [],
  )
})

t.test('each room has its tests', async t => {
  const rooms = new Set(files.filter(file => file.includes('/')).map(file => file.slice(0, file.indexOf('/'))))
  t.strictSame(
    [...rooms].filter(room => !existsSync(join(root, 'test', room))),
    [],
  )
})

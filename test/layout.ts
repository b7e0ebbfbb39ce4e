import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import { root } from './help/program.ts'

/** Lowest first: a file imports from its own layer and those before it. */
const layers = ['base', 'volume', 'database', 'migrations', 'ready', 'commands', 'cli', 'main']

const src = join(root, 'src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
const layerOf = (file: string): string => {
  if (file === 'main.ts' || file === 'cli.ts') return file.replace('.ts', '')
  return file.includes('/') ? (file.split('/')[0] ?? '') : 'base'
}
const importsOf = (file: string): readonly string[] =>
  [...readFileSync(join(src, file), 'utf8').matchAll(/(?:from |import\()'(\.[^']+)'/g)].map(([, path = '']) =>
    relative(src, join(src, dirname(file), path)),
  )

const exportsCode = (text: string): boolean => /^export (?:const|class|function)/m.test(text)
/** The long way of `up` has no words of its own: test/commands/up.ts runs it. */
const testedThroughCommand = (file: string): boolean =>
  file === 'commands/make-ready.ts' || file === 'commands/context.ts'

for (const file of files) {
  t.test(`src/${file}`, async t => {
    const layer = layerOf(file)
    if (layer === 'models') {
      for (const imported of importsOf(file)) t.equal(layerOf(imported), 'models', 'models stand alone')
    } else {
      t.ok(layers.includes(layer), `the layer ${layer} has its place`)
      for (const imported of importsOf(file)) {
        t.ok(layers.indexOf(layerOf(imported)) <= layers.indexOf(layer), `imports ${imported}, which is not above it`)
        t.not(layerOf(imported), 'models', 'does not import models')
      }
    }
    const text = readFileSync(join(src, file), 'utf8')
    if (file !== 'main.ts') t.notMatch(text, /^[^/*]*\bprocess\./m, 'does not touch process')
    t.notMatch(text, /\bexport default\b|export \* from/, 'no default exports, no barrels')
    t.ok(text.split('\n').length <= 151, 'is at most 150 lines long')
    if (exportsCode(text))
      t.ok(existsSync(join(root, 'test', file)) || testedThroughCommand(file), 'has a test of its name')
  })
}

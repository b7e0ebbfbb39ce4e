import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

// Runs tests, and tells what of src no process ran: neither theirs nor one that they start. It exits with 1 if there is any. What a signal
// kills tells nothing. Arguments are tap's, such as test files; without any it is all of `npm test`.
//
// tap collects of its own processes alone, and its report passes over functions without a name: here each character has run, or it has not.

/** What NODE_V8_COVERAGE makes Node write; ranges lie in each other, and the innermost one is right: https://v8.dev/blog/javascript-code-coverage */
type Coverage = Readonly<{ result: readonly Script[] }>
type Script = Readonly<{ url: string; functions: readonly Readonly<{ ranges: readonly Range[] }>[] }>
type Range = Readonly<{ startOffset: number; endOffset: number; count: number }>

const root = join(import.meta.dirname, '..')
const folder = join(root, '.tap/v8')

/** A file of src, and for each character whether it has run. */
type Source = Readonly<{ name: string; text: string; ran: Uint8Array }>

const read = (name: string): Source => {
  const text = readFileSync(join(root, name), 'utf8')
  return { name, text, ran: new Uint8Array(text.length) }
}
const sources = new Map(
  globSync('src/**/*.ts', { cwd: root })
    .toSorted()
    .map(name => [pathToFileURL(join(root, name)).href, read(name)]),
)

/** Adds what a process ran of a file. */
const add = ({ text, ran }: Source, { functions }: Script): void => {
  const ranges = functions
    .flatMap(one => one.ranges)
    .toSorted((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)
  const own = new Uint8Array(text.length)
  for (const { startOffset, endOffset, count } of ranges) own.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  for (const [index, isRun] of own.entries()) if (isRun === 1) ran[index] = 1
}

/** Takes what processes have written. @param age milliseconds since which a file has not changed, so that it is whole */
const collect = (age: number): void => {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name)
    if (Date.now() - statSync(file).mtimeMs < age) continue
    const { result } = JSON.parse(readFileSync(file, 'utf8')) as Coverage
    for (const script of result) {
      // a file that a test loads anew has a query
      const source = sources.get(script.url.replace(/\?.*/, ''))
      if (source !== undefined) add(source, script)
    }
    rmSync(file)
  }
}

/** The places that did not run, each with the beginning of its text. A file of types alone cannot run. */
const gapsIn = ({ name, text, ran }: Source): readonly string[] => {
  if (!/^(?:export )?(?:const|let|class|async|function|await) /m.test(text)) return []
  const marks = [...ran].map((isRun, index) => (isRun === 1 ? '+' : /\s/.test(text.charAt(index)) ? ' ' : '-')).join('')
  return [...marks.matchAll(/-(?:[- ]*-)?/g)].map(({ 0: gap, index }) => {
    const before = text.slice(0, index).split('\n')
    const [first = ''] = text.slice(index, index + gap.length).split('\n')
    return `${name}:${before.length}:${String(before.at(-1)).length + 1} ${first}`
  })
}

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
// some tests run the program as other users
chmodSync(folder, 0o777)
const timer = setInterval(() => collect(5000), 5000)
// V8 forgets what ran of a function when it drops its bytecode
const words = ['--disable-coverage', '--node-arg=--no-flush-bytecode', ...process.argv.slice(2)]
const tap = spawn(join(root, 'node_modules/.bin/tap'), words, {
  cwd: root,
  // compiled code from a cache makes coverage imprecise
  env: { ...process.env, NODE_V8_COVERAGE: folder, NODE_DISABLE_COMPILE_CACHE: '1' },
  stdio: 'inherit',
})
const [code] = await once(tap, 'close')
clearInterval(timer)
collect(0)
const gaps = [...sources.values()].flatMap(gapsIn)
for (const gap of gaps) console.log(`did not run: ${gap}`)
console.log(gaps.length === 0 ? 'all of src ran' : `${gaps.length} places of src did not run`)
process.exitCode = code === 0 && gaps.length === 0 ? 0 : 1

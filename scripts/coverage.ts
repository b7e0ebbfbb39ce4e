import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

// Runs tests, and tells what of src no process ran: neither they nor the program where they start it as a process of its own, whose coverage
// tap does not collect. What a signal kills tells nothing. Arguments are tap's, such as test files; without any it is all of `npm test`.

type Coverage = { result: { url: string }[] }

const root = join(import.meta.dirname, '..')
const [all, ofSources] = [join(root, '.tap/v8'), join(root, '.tap/coverage')]
const sources = pathToFileURL(join(root, 'src/')).href

/** Runs tap. @returns its exit code */
const runTap = async (words: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<number> => {
  const environment = { ...process.env, ...settings }
  const tap = spawn(join(root, 'node_modules/.bin/tap'), words, { cwd: root, env: environment, stdio: 'inherit' })
  const [code] = await once(tap, 'close')
  return code ?? 1
}

/** Keeps what is about src, a tenth of what processes write. @param age milliseconds since which a file has not changed, so that it is whole */
const collect = (age: number): void => {
  mkdirSync(ofSources, { recursive: true })
  for (const name of readdirSync(all)) {
    const file = join(all, name)
    if (Date.now() - statSync(file).mtimeMs < age) continue
    const { result } = JSON.parse(readFileSync(file, 'utf8')) as Coverage
    // a file that a test mocks has a query
    const own = result.map(script => ({ ...script, url: script.url.replace(/\?.*/, '') }))
    writeFileSync(join(ofSources, name), JSON.stringify({ result: own.filter(({ url }) => url.startsWith(sources)) }))
    rmSync(file)
  }
}

for (const folder of [all, ofSources]) rmSync(folder, { recursive: true, force: true })
mkdirSync(all, { recursive: true })
// some tests run the program as other users
chmodSync(all, 0o777)
const timer = setInterval(() => collect(5000), 5000)
// compiled code from a cache makes coverage imprecise
const settings = { NODE_V8_COVERAGE: all, NODE_DISABLE_COMPILE_CACHE: '1' }
const tested = await runTap(['--disable-coverage', ...process.argv.slice(2)], settings)
clearInterval(timer)
collect(0)
process.exitCode = Math.max(tested, await runTap(['report', 'text', 'json']))

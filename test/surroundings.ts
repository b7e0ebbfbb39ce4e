import t from 'tap'
import { readVersion } from '../src/surroundings.ts'
import { readJson, root, runPatched } from './help/program.ts'

t.test('the version is that of package.json, or what the bundle says in its text', async t => {
  t.equal(readVersion(), readJson(`${root}/package.json`).version)
  Object.assign(globalThis, { bundledVersion: '9.9.9' })
  t.teardown(() => Reflect.deleteProperty(globalThis, 'bundledVersion'))
  t.equal(readVersion(), '9.9.9')
})

t.test('an installation without its package.json is told as such', async t => {
  const patch = `const { readFileSync } = fs
    fs.readFileSync = (file, ...words) => readFileSync(String(file).endsWith('/package.json') ? '/nowhere' : file, ...words)`
  const code = `const { readVersion } = await import(src + 'surroundings.ts')
    try { readVersion() } catch ({ code, message, hint }) { console.log(code, message, hint) }`
  t.match(
    runPatched(t.testdir(), patch, code),
    /^CONFIG_INVALID this installation is incomplete: cannot read .*package\.json Install it again\.\n$/,
  )
})

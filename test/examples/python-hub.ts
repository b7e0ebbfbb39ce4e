import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { root, runProgram, settingsFor } from '../help/program.ts'

const python = '/usr/bin/python3'
const skip = spawnSync(python, ['-c', 'import sqlite3']).status !== 0 && `there is no ${python} with its sqlite3 module`

const settings = (folder: string) =>
  settingsFor(folder, { PORT: '0', MIGRATOR_MIGRATIONS: join(root, 'examples/python-hub/migrations') })

const start = (t: Pick<Test, 'teardown'>, folder: string) => {
  const env = { ...process.env, ...settings(folder) }
  const child = spawn(python, [join(root, 'examples/python-hub/hub.py')], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  return { child, exitCode: new Promise<number | null>(resolve => child.once('exit', resolve)) }
}

t.test('a hub in Python works on a volume whose migrations are SQL alone', { skip }, async t => {
  const folder = t.testdir()
  t.match(await runProgram([], settings(folder)), { exitCode: 0 })
  const { child, exitCode } = start(t, folder)
  const line = await new Promise(resolve => child.stdout.once('data', resolve))
  const address = `http://127.0.0.1:${/\d+/.exec(String(line))}`
  const call = async (method: string, path: string, body?: unknown) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    const response = await fetch(address + path, init)
    return { status: response.status, text: await response.text() }
  }
  t.match(await call('PUT', '/sensors/attic', { room: '<attic>' }), { status: 204 })
  t.match(await call('POST', '/sensors/attic/readings', { celsius: 21.5 }), { status: 204 })
  t.match(await call('GET', '/'), { status: 200, text: /<td>attic<td>&lt;attic&gt;<td>21.5/ })
  t.match(await call('POST', '/sensors/cellar/readings', { celsius: 8 }), { status: 400, text: /FOREIGN KEY/ })
  t.match(await call('POST', '/sensors/attic/readings', { celsius: -300 }), { status: 400, text: /CHECK/ })
  t.match(await call('DELETE', '/sensors/attic'), { status: 204 })
  t.notMatch((await call('GET', '/')).text, /attic/)
  child.kill('SIGTERM')
  t.equal(await exitCode, 0)
  t.match(await runProgram(['verify'], settings(folder)), { exitCode: 0 })
})

t.test('without a marker it does not start, and says why in one line', { skip }, async t => {
  const folder = t.testdir()
  await runProgram([], settings(folder))
  rmSync(join(folder, '.ready'))
  const { child, exitCode } = start(t, folder)
  t.match(await text(child.stderr), /^the hub does not start: there is no ready marker [^\n]+\n$/)
  t.equal(await exitCode, 1)
})

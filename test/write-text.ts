import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { writeText } from '../src/write-text.ts'

const writer = (amount: number): string => `
  import { writeText } from ${JSON.stringify(join(import.meta.dirname, '../src/write-text.ts'))}
  process.stdout._handle?.setBlocking?.(false)
  writeText(1, 'x'.repeat(${amount}))
  writeText(2, 'done')`

const start = (amount: number) =>
  spawn(process.execPath, ['--input-type=module-typescript', '-e', writer(amount)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })

t.test('a slow reader gets every byte', async t => {
  const child = start(3_000_000)
  await setTimeout(300)
  t.equal((await text(child.stdout)).length, 3_000_000)
})

t.test('a reader that left is no error', async t => {
  const child = start(3_000_000)
  child.stdout.destroy()
  t.equal(await text(child.stderr), 'done')
})

t.test('any other error is thrown', async t => {
  const descriptor = openSync(join(t.testdir({ file: '' }), 'file'), 'r')
  t.throws(() => writeText(descriptor, 'x'), { code: 'EBADF' })
  closeSync(descriptor)
})

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { probeFolder } from '../../src/volume/probe-folder.ts'
import { withMount } from '../help/mount.ts'

const notRoot = process.getuid?.() !== 0 && 'needs root, to mount'

t.test('it leaves nothing behind, nor what a killed run left', async t => {
  const folder = t.testdir({ '.migrator-probe.tmp': 'half', '.migrator-probe': 'whole' })
  probeFolder(folder)
  t.strictSame(readdirSync(folder), [])
})

t.test('a full disk is found, and nothing is left', { skip: notRoot }, async t => {
  const folder = t.testdir({ data: {} })
  const data = join(folder, 'data')
  await withMount(data, ['-t', 'tmpfs', '-o', 'size=16k', 'none'], () => {
    writeFileSync(join(data, 'a'), Buffer.alloc(16 * 1024))
    t.throws(() => probeFolder(data), { code: 'DISK_FULL' })
    t.strictSame(readdirSync(data), ['a'])
  })
})

t.test('a read-only mount is found', { skip: notRoot }, async t => {
  const folder = t.testdir({ data: {} })
  await withMount(join(folder, 'data'), ['-t', 'tmpfs', '-o', 'ro', 'none'], () => {
    t.throws(() => probeFolder(join(folder, 'data')), { code: 'VOLUME_READ_ONLY' })
  })
})

t.test('what nobody foresaw is no failure that a person could mend', async t => {
  const folder = t.testdir()
  mkdirSync(join(folder, '.migrator-probe.tmp'))
  t.throws(() => probeFolder(folder), { code: 'EISDIR' })
})

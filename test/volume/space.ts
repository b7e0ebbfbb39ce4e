import { statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Need, requireSpace } from '../../src/volume/space.ts'
import { withMount } from '../help/mount.ts'

const notRoot = process.getuid?.() !== 0 && 'needs root, to mount'

const need = (folder: string, changed: Partial<Need>): Need => ({
  what: 'backup',
  folder,
  bytes: 0,
  files: 0,
  ...changed,
})

t.test('what there is room for passes', async t => {
  const folder = t.testdir()
  requireSpace([])
  requireSpace([need(folder, { bytes: 1000, files: 2 })])
})

t.test('what there is no room for is refused, in human units, with what it is for and what is missing', async t => {
  const folder = t.testdir()
  const { bavail, bsize } = statfsSync(folder)
  const needs = [need(folder, { bytes: bavail * bsize }), need(folder, { what: 'journal', bytes: 3e12 })]
  t.throws(() => requireSpace(needs), {
    code: 'DISK_FULL',
    message: /needs [\d.]+ TB on .*\(backup [\d.]+ [GT]B, journal 3 TB\), and [\d.]+ [GT]B are free/,
    hint: /^Free [\d.]+ TB there/,
  })
})

t.test('folders on one filesystem share its room, others do not', { skip: notRoot }, async t => {
  const folder = t.testdir({ a: { b: {} }, c: {} })
  const [a, b, c] = [join(folder, 'a'), join(folder, 'a/b'), join(folder, 'c')]
  await withMount(a, ['-t', 'tmpfs', '-o', 'size=1m', 'none'], async () => {
    const half = 600 * 1024
    writeFileSync(join(a, 'b'), '')
    requireSpace([need(a, { bytes: half }), need(c, { bytes: half })])
    t.throws(() => requireSpace([need(a, { bytes: half }), need(b, { bytes: half })]), { code: 'DISK_FULL' })
  })
})

t.test('inodes are counted too', { skip: notRoot }, async t => {
  const data = join(t.testdir({ data: {} }), 'data')
  await withMount(data, ['-t', 'tmpfs', '-o', 'nr_inodes=4', 'none'], () => {
    requireSpace([need(data, { files: 3 })])
    t.throws(() => requireSpace([need(data, { files: 2 }), need(data, { files: 2 })]), {
      code: 'DISK_FULL',
      message: /4 new files on .* 3 inodes are free/,
      hint: /Free 1 inodes/,
    })
  })
})

import { chmodSync, chownSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sameOwner } from '../../src/volume/same-owner.ts'

const notRoot = process.getuid?.() !== 0 && 'needs root, to give files away'

t.test('the mode is taken over', async t => {
  const folder = t.testdir({ model: '', file: '' })
  chmodSync(join(folder, 'model'), 0o660)
  sameOwner(join(folder, 'file'), join(folder, 'model'))
  t.equal(statSync(join(folder, 'file')).mode & 0o7777, 0o660)
})

t.test('root gives the file to the owner of the other', { skip: notRoot }, async t => {
  const folder = t.testdir({ model: '', file: '' })
  chownSync(join(folder, 'model'), 7, 8)
  sameOwner(join(folder, 'file'), join(folder, 'model'))
  t.match(statSync(join(folder, 'file')), { uid: 7, gid: 8 })
})

import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { keepAcl } from '../../src/volume/keep-acl.ts'

const skip = spawnSync('setfacl', ['--version']).status !== 0 && 'needs setfacl'

t.test('who may have the old file by an access control list may have the new one', { skip }, async t => {
  const folder = t.testdir({ old: '1', new: '2' })
  const [old, next] = [join(folder, 'old'), join(folder, 'new')]
  if (spawnSync('setfacl', ['-m', 'u:1001:rw', old]).status !== 0) return t.comment('no ACLs on this filesystem')
  keepAcl(next, old)
  const acl = (file: string) =>
    execFileSync('getfacl', ['--omit-header', '--absolute-names', file], { encoding: 'utf8' })
  t.match(acl(next), /user:1001:rw-/)
  t.equal(acl(next), acl(old))
})

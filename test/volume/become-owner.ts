import { chownSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { becomeOwner } from '../../src/volume/become-owner.ts'

const skip = process.getuid?.() !== 0 && 'needs root, to give a folder to another'

/** An identity that writes down what it is asked to become. */
const recording = (uid: number) => {
  const calls: unknown[] = []
  const note = (name: string) => (id: unknown) => {
    calls.push([name, id])
  }
  return { calls, getuid: () => uid, setgroups: note('setgroups'), setgid: note('setgid'), setuid: note('setuid') }
}
const folderOf = (t: Pick<Test, 'testdir'>, uid: number, gid: number): string => {
  const folder = t.testdir()
  chownSync(folder, uid, gid)
  return folder
}

t.test('root becomes the owner of the volume, groups first', { skip }, async t => {
  const identity = recording(0)
  becomeOwner(folderOf(t, 1234, 5678), true, identity)
  t.strictSame(identity.calls, [
    ['setgroups', [5678]],
    ['setgid', 5678],
    ['setuid', 1234],
  ])
})

t.test('root stays root on a volume of root, and where there is none', { skip }, async t => {
  const identity = recording(0)
  becomeOwner(folderOf(t, 0, 0), true, identity)
  becomeOwner(join(t.testdir(), 'nothing'), true, identity)
  t.strictSame(identity.calls, [])
})

t.test('outside of a container root stays root: the program may lie where only root can read it', { skip }, async t => {
  const identity = recording(0)
  becomeOwner(folderOf(t, 1234, 5678), false, identity)
  t.strictSame(identity.calls, [])
})

t.test('outside of a container root stays root: the program may lie where only root can read it', { skip }, async t => {
  const identity = recording(0)
  becomeOwner(folderOf(t, 1234, 5678), false, identity)
  t.strictSame(identity.calls, [])
})

t.test('everybody else stays who they are', { skip }, async t => {
  const identity = recording(1000)
  becomeOwner(folderOf(t, 1234, 5678), true, identity)
  t.strictSame(identity.calls, [])
})

t.test('without the capability nothing is thrown', { skip }, async t => {
  const refuse = (): never => {
    throw new Error('EPERM')
  }
  t.doesNotThrow(() => becomeOwner(folderOf(t, 1234, 5678), true, { ...recording(0), setgroups: refuse }))
})

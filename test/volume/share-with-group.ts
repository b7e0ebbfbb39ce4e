import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { shareWithGroup } from '../../src/volume/share-with-group.ts'
import { runProgram, settingsFor } from '../help/program.ts'

const modeOf = (file: string): number => statSync(file).mode & 0o777

t.test('a file is as writable for the group as its folder', async t => {
  const folder = t.testdir()
  for (const [folderMode, mode] of [
    [0o755, 0o644],
    [0o775, 0o664],
  ] as const) {
    const file = join(folder, String(folderMode))
    writeFileSync(file, '')
    chmodSync(file, 0o644)
    chmodSync(folder, folderMode)
    shareWithGroup(file)
    t.equal(modeOf(file), mode)
  }
})

t.test(
  'a hub of another user in the group may write the database that a run made, and it stays the only file',
  async t => {
    const folder = t.testdir()
    chmodSync(folder, 0o2775)
    await runProgram([], settingsFor(folder))
    t.equal(modeOf(join(folder, 'homelab.db')), 0o664)
  },
)

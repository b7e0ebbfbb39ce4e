import { join } from 'node:path'
import t from 'tap'
import { readMigrations } from '../../../src/migrations/known.ts'
import { watchOutside } from '../../../src/migrations/lint/watch-outside.ts'
import { loadMigrations } from '../../../src/migrations/load.ts'

t.test('imports and calls are told of the migration that has them', async t => {
  const folder = t.testdir({
    '.shared.ts': 'export const roll = () => Math.random()',
    '0001-a.ts': "import 'node:http'\nexport const up = async () => 1",
    '0002-b.ts': "import { roll } from './.shared.ts'\nexport const up = async () => roll()",
  })
  const random = Math.random
  const known = readMigrations(join(folder))
  const outside = watchOutside(known)
  for (const { name, up } of await loadMigrations(known)) {
    outside.running(name)
    // @ts-expect-error these do not look at what they are called with
    await up()
  }
  outside.stop()
  t.match(known.map(outside.findings), [
    [{ message: 'imports node:http' }],
    [{ message: 'calls Math.random in line 1' }],
  ])
  t.equal(Math.random, random)
})

import { join } from 'node:path'
import t from 'tap'
import { runProgram, settingsFor } from '../help/program.ts'

t.test('backups are listed with what they are of, oldest first', async t => {
  const folder = t.testdir({
    backups: { 'homelab--0002-b-20260202T000000Z.db': 'x'.repeat(2000), 'homelab--empty-20260101T000000Z.db': 'x' },
  })
  const path = (name: string) => join(folder, 'backups', name)
  const { stdout } = await runProgram(['backups', '--json'], settingsFor(folder))
  t.strictSame(JSON.parse(stdout), [
    { file: path('homelab--empty-20260101T000000Z.db'), schema: 'empty', madeAt: '2026-01-01T00:00:00Z', bytes: 1 },
    {
      file: path('homelab--0002-b-20260202T000000Z.db'),
      schema: '0002-b',
      madeAt: '2026-02-02T00:00:00Z',
      bytes: 2000,
    },
  ])
  const text = (await runProgram(['backups'], settingsFor(folder))).stdout
  t.equal(
    text,
    `2 backups in ${folder}/backups

  backup                               at migration  made (UTC)           size
  homelab--empty-20260101T000000Z.db   empty         2026-01-01 00:00:00  1 B
  homelab--0002-b-20260202T000000Z.db  0002-b        2026-02-02 00:00:00  2 kB
`,
  )
})

t.test('of more than twenty the newest are shown, and how many are not', async t => {
  const name = (day: number) => `homelab--0003-c-202601${String(day).padStart(2, '0')}T100000Z.db`
  const backups = Object.fromEntries(Array.from({ length: 22 }, (_, index) => [name(index + 1), 'x']))
  const { stdout } = await runProgram(['backups'], settingsFor(t.testdir({ backups })))
  t.match(stdout, /^22 backups in .*\n/)
  t.notMatch(stdout, name(2))
  t.match(stdout, new RegExp(`${name(3)}.*${name(22)}.*\\n {2}and 2 older ones, with --json\\n$`, 's'))
})

t.test('none are none, in text and in JSON', async t => {
  const folder = t.testdir()
  t.match(await runProgram(['backups'], settingsFor(folder)), { exitCode: 0, stdout: /^no backups in / })
  t.match(await runProgram(['backups', '--json'], settingsFor(folder)), { exitCode: 0, stdout: '[]\n' })
})

t.test('a volume that is missing is refused', async t => {
  const outcome = await runProgram(['backups'], settingsFor(join(t.testdir(), 'none')))
  t.match(outcome, { exitCode: 10, failure: 'VOLUME_MISSING' })
})

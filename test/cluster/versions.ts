/** What `npm test` says of PostgreSQL 18, said to the oldest that is supported, and to Debian's 15. */
import { join } from 'node:path'
import t from 'tap'
import { debian, oldest, whyNot } from '../help/postgres.ts'
import { root } from '../help/program.ts'

t.jobs = 1
for (const [title, binaries, files] of [
  ['PostgreSQL 14', oldest, ['engine/postgres.ts', 'postgres/guard.ts', 'postgres/online.ts']],
  ['PostgreSQL 15 of Debian', debian, ['on-server/up.ts', 'postgres/connect.ts']],
] as const) {
  const skip = whyNot(binaries)
  for (const file of files)
    t.test(`${file} on ${title}`, { skip }, async t => {
      const env = { ...process.env, POSTGRES_BIN: binaries }
      await t.spawn(process.execPath, [join(root, 'test', file)], { env })
    })
}

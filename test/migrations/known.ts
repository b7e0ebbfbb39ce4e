import t from 'tap'
import { readMigrations } from '../../src/migrations/known.ts'

t.test('the checksum does not depend on line endings', async t => {
  const [unix] = readMigrations(t.testdir({ '0001-a.ts': 'one\ntwo\n' }))
  const [dos] = readMigrations(t.testdir({ '0001-a.ts': 'one\r\ntwo\r\n' }))
  const [other] = readMigrations(t.testdir({ '0001-a.ts': 'one\nthree\n' }))
  t.match(unix, { name: '0001-a', file: /0001-a\.ts$/, checksum: /^sha256:[0-9a-f]{64}$/ })
  t.equal(unix?.checksum, dos?.checksum)
  t.not(unix?.checksum, other?.checksum)
})

t.test('a folder that is none is refused', async t => {
  t.throws(() => readMigrations('/nothing/there'), { code: 'CONFIG_INVALID' })
})

import t from 'tap'
import { unknownMigration } from '../../src/migrations/unknown.ts'

t.test('a name that is none of the migrations is refused, with the folder and the nearest', async t => {
  const refused = (name: string) => unknownMigration(name, [{ name: '0001-a' }, { name: '0002-b' }], '/migrations')
  t.match(refused('0001-b'), {
    code: 'CONFIG_INVALID',
    message: '0001-b is not a migration in /migrations (Did you mean 0001-a?)',
  })
  t.match(refused('nothing like it'), { message: /in \/migrations$/ })
})

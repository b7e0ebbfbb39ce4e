import t from 'tap'
import { makerOn } from '../help/engine-postgres.ts'
import { skip, startServer } from '../help/postgres.ts'
import { engineSuite } from '../help/suite.ts'

if (skip) t.pass(skip, { skip })
else {
  const server = await startServer()
  t.teardown(() => server.stop())
  engineSuite('PostgreSQL', makerOn(server))
}

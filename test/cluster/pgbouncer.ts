/** Everything that an engine has to keep, through PgBouncer in transaction mode. */
import t from 'tap'
import { makerOn } from '../help/engine-postgres.ts'
import { makeFolder, runUp } from '../help/on-server.ts'
import { noPooler, startPooler } from '../help/pgbouncer.ts'
import { skip, startServer } from '../help/postgres.ts'
import { engineSuite } from '../help/suite.ts'

const reason = skip || noPooler
if (reason) {
  t.pass(reason, { skip: reason })
  process.exit()
}
const server = await startServer()
t.teardown(() => server.stop())
const pooler = await startPooler(server.port)
t.teardown(() => pooler.stop())
const throughPooler = (url: string): string => url.replace(`:${server.port}/`, `:${pooler.port}/`)

const maker = makerOn(server)
engineSuite('PostgreSQL through PgBouncer', {
  ...maker,
  makePlace: async t => throughPooler(await maker.makePlace(t)),
})

t.test('an index is built concurrently through it, by a connection of its own', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(
    t,
    'await query("CREATE TABLE a (x integer)")',
    "export const online = true\nexport const up = ({ context }) => context.addIndexConcurrently('a', ['x'])",
  )
  const outcomes = await Promise.all(Array.from({ length: 4 }, () => runUp(throughPooler(url), folder)))
  t.strictSame(
    outcomes.map(({ error }) => error).filter(error => error !== undefined),
    [],
  )
  t.match(await server.run(url, "SELECT indisvalid AS it FROM pg_index WHERE indexrelid = 'a_x'::regclass"), [
    { it: true },
  ])
})

t.test('of sixteen runs at once one applies, and no session keeps a setting or a lock', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, 'await query("CREATE TABLE a (x integer)"); await query("SET LOCAL work_mem = 65536")')
  const outcomes = await Promise.all(Array.from({ length: 16 }, () => runUp(throughPooler(url), folder)))
  t.strictSame(
    outcomes.map(({ error }) => error).filter(error => error !== undefined),
    [],
  )
  t.equal(outcomes.filter(({ has }) => has('migration.applied')).length, 1)
  t.strictSame(await server.run(url, "SELECT FROM pg_locks WHERE locktype = 'advisory'"), [])
  for (let session = 0; session < 6; session += 1)
    t.match(
      await server.run(
        throughPooler(url),
        "SELECT current_setting('work_mem') AS w, current_setting('lock_timeout') AS l, current_setting('search_path') AS s",
      ),
      [{ w: '4MB', l: '0', s: '"$user", public' }],
    )
})

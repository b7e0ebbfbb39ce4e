/**
 * Random transactions of a hub that overlap, on Sequelize 6 and 7: what was told as committed is there at the end, and nothing else is,
 * whatever failed meanwhile. 300 cases in `npm test`, 10,000 in `npm run test:faults`.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { connectSequelize as connect7 } from '../../src/hub/sequelize-v7.ts'
import { connectSequelize as connect6 } from '../../src/sqlite/bridge/sequelize.ts'
import { makeQuickFolder } from '../help/found.ts'

const isLong = process.env.FAULTS === 'long'
const runs = Number(process.env.RUNS ?? (isLong ? 10_000 : 200))

const cases = fc.record({
  version: fc.constantFrom(6, 7),
  mode: fc.constantFrom('wal', 'delete'),
  steps: fc.array(
    fc.record({
      verb: fc.constantFrom('begin', 'begin', 'insert', 'insert', 'insert', 'read', 'conflict', 'commit', 'roll back'),
      who: fc.nat({ max: 3 }),
    }),
    { minLength: 3, maxLength: 14 },
  ),
})
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never

type Transaction = Readonly<{ commit: () => Promise<void>; rollback: () => Promise<void> }>
type Hub = Readonly<{
  query: (sql: string, transaction?: Transaction) => Promise<readonly object[]>
  begin: () => Promise<Transaction>
  close: () => Promise<void>
}>

/** Statements that fail at once where they would wait for a lock: its holder is this very test. */
const impatient = { retry: { max: 1 } }
const hubOf = (version: number, connection: Database.Database): Hub => {
  const [six, seven] = version === 6 ? [connect6(connection), undefined] : [undefined, connect7(connection)]
  const query = async (sql: string, transaction?: Transaction): Promise<readonly object[]> => {
    const options = { ...impatient, ...(transaction && { transaction }) } as object
    const [rows = []] = (await (six?.query(sql, options) ?? seven?.query(sql, options))) ?? []
    return Array.isArray(rows) ? rows.map(Object) : []
  }
  return {
    query,
    begin: async () => {
      const transaction = await (six?.transaction() ?? seven?.startUnmanagedTransaction())
      if (transaction === undefined) throw new Error('no transaction')
      await query('PRAGMA busy_timeout = 1', transaction)
      return transaction
    },
    close: async () => six?.close() ?? seven?.close(),
  }
}

type Open = { readonly transaction: Transaction; readonly rows: string[]; isOver: boolean }

// Sequelize warns of each connection that it gives up
const { warn } = console
console.warn = () => undefined
t.teardown(() => Object.assign(console, { warn }))

t.test('of transactions that overlap, what was committed is there and nothing else', { timeout: 0 }, async t => {
  const root = makeQuickFolder(t)
  const seen = new Map<string, number>()
  const see = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1)
  let number = 0
  const property = async (test: Case): Promise<void> => {
    number += 1
    const connection = new Database(join(root, `${number}.db`), { timeout: 0 })
    connection.pragma('synchronous = off')
    connection.pragma(`journal_mode = ${test.mode}`)
    connection.exec("CREATE TABLE things (tag TEXT UNIQUE ON CONFLICT ABORT); INSERT INTO things VALUES ('first')")
    const hub = hubOf(test.version, connection)
    await hub.query('PRAGMA busy_timeout = 1')
    const open = new Map<number, Open>()
    const stored = ['first']
    const told: string[] = []
    const attempt = async (what: string, work: () => Promise<unknown>): Promise<boolean> => {
      const error = await work().then(
        () => undefined,
        (reason: unknown) => reason ?? 'nothing',
      )
      told.push(error === undefined ? what : `${what}   -- ${error}`)
      see(`${what.replace(/ \d+.*/, '')}${error === undefined ? '' : ' failed'}`)
      return error === undefined
    }
    const end = async (who: number, one: Open, verb: 'commit' | 'roll back'): Promise<void> => {
      open.delete(who)
      const isDone = await attempt(`${verb} ${who}`, () =>
        verb === 'commit' ? one.transaction.commit() : one.transaction.rollback(),
      )
      if (isDone && verb === 'commit') stored.push(...one.rows)
      if (isDone && verb === 'commit' && one.isOver)
        throw new Error(`a transaction that is over was committed:\n${told.join('\n')}`)
      // as Sequelize does for a managed one
      if (!isDone && verb === 'commit') await attempt(`roll back after it ${who}`, () => one.transaction.rollback())
    }
    for (const [nth, { verb, who }] of test.steps.entries()) {
      const one = open.get(who)
      if (verb === 'begin' && one === undefined && who > 0) {
        let transaction: Transaction | undefined
        await attempt(`begin ${who}`, async () => {
          transaction = await hub.begin()
        })
        if (transaction !== undefined) open.set(who, { transaction, rows: [], isOver: false })
      } else if (verb === 'insert') {
        const tag = `tag ${nth}`
        const isDone = await attempt(`insert ${who} ${tag}`, () =>
          hub.query(`INSERT INTO things VALUES ('${tag}')`, one?.transaction),
        )
        if (isDone && one?.isOver) throw new Error(`stored behind the end of a transaction:\n${told.join('\n')}`)
        if (isDone) (one?.rows ?? stored).push(tag)
      } else if (verb === 'conflict' && one !== undefined) {
        const isDone = await attempt(`conflict ${who}`, () =>
          hub.query("INSERT OR ROLLBACK INTO things VALUES ('first')", one.transaction),
        )
        // a lock that another one has keeps it from ever meeting the conflict
        if (!isDone && /constraint|must be unique|Validation/.test(String(told.at(-1)))) one.isOver = true
      } else if (verb === 'read') {
        let tags: unknown[] = []
        const isDone = await attempt(`read ${who}`, async () => {
          tags = (await hub.query('SELECT tag FROM things', one?.transaction)).flatMap(Object.values)
        })
        if (isDone && (one?.rows ?? []).some(tag => !tags.includes(tag)))
          throw new Error(`it does not see its own rows:\n${told.join('\n')}`)
        const others = [...open.values()].filter(other => other !== one).flatMap(({ rows }) => rows)
        if (others.some(tag => tags.includes(tag)))
          throw new Error(`it sees what another one has not committed:\n${told.join('\n')}`)
      } else if ((verb === 'commit' || verb === 'roll back') && one !== undefined) await end(who, one, verb)
    }
    for (const [nth, [who, one]] of [...open].entries()) await end(who, one, nth % 2 === 0 ? 'commit' : 'roll back')
    await hub.close()
    const are = connection.prepare<[], string>('SELECT tag FROM things').pluck().all()
    connection.close()
    if (are.toSorted().join() !== stored.toSorted().join())
      throw new Error(`there is ${are}, and not ${stored}:\n${told.join('\n')}`)
  }
  await fc.assert(fc.asyncProperty(cases, property), {
    numRuns: runs,
    endOnFailure: process.env.SHRINK === 'no',
    // the short form plays the same cases each time; the long one others, and says which
    seed: Number(process.env.SEED ?? (isLong ? Date.now() % 2 ** 31 : 1)),
  })
  t.comment(`${number} cases: ${JSON.stringify(Object.fromEntries(seen))}`)
  for (const what of ['commit', 'roll back', 'insert failed', 'conflict failed']) t.ok(seen.has(what), what)
})

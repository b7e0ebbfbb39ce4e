/**
 * Random databases and random migrations over the whole line, as `up` runs them: every kind of table with its indexes, triggers, views and keys;
 * Sequelize's calls, raw SQL, binds of every type, transactions nested and overlapping, caught errors; names in random case and quotes.
 * A model that shares no code with src (test/help/world.ts, play.ts) says what has to be there at the end. Either the run exits 0 and every
 * value is as the model says, or it exits 40, where the model says that it has to, and content and marker are as before.
 */
import fc from 'fast-check'
import t from 'tap'
import { makeQuickFolder } from '../help/found.ts'
import { loadSqlite3 } from '../help/plain.ts'
import { cases } from '../help/play/cases.ts'
import { createRunner } from '../help/run-case.ts'

const isLong = process.env.FAULTS === 'long'
const runs = Number(process.env.RUNS ?? (isLong ? 50_000 : 1_000))

t.test(
  'a migration either does what it says and loses nothing, or fails and changes nothing',
  { timeout: 0 },
  async t => {
    const { property, seen, reasons, count } = await createRunner(
      makeQuickFolder(t),
      isLong ? loadSqlite3() : undefined,
    )
    await fc.assert(fc.asyncProperty(cases, property), {
      numRuns: runs,
      endOnFailure: process.env.SHRINK === 'no',
      // the short form plays the same cases each time; the long one others, and says which
      seed: Number(process.env.SEED ?? (isLong ? Date.now() % 2 ** 31 : 1)),
    })
    t.comment(
      `${count()} cases: ${JSON.stringify(seen)}; why they had to fail: ${JSON.stringify(Object.fromEntries([...reasons].toSorted(([, a], [, b]) => b - a)))}`,
    )
    t.ok(seen.ready > runs / 5 && seen.failed > runs / 5 && seen.unsure < runs / 5, JSON.stringify(seen))
  },
)

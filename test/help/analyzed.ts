import type { Test } from 'tap'
import { type Lineage, lineagesOf } from '../../src/dry-run/lineage.ts'
import { afterOf, type Recording, type Step, withoutUndone } from '../../src/dry-run/record.ts'
import type { Finding } from '../../src/lint/rules.ts'
import type { Schema } from '../../src/sqlite/schema/read.ts'
import { recordStatements } from './recorded.ts'

export type Recorded = Recording & Readonly<{ lineages: readonly Lineage[]; kept: readonly Step[]; after: Schema }>

export type Analyze = (recorded: Recorded) => readonly Finding[]

/** For each case: what an analyzer says of statements on a database, as `CODE: message`. */
export const testAnalyzer = (
  t: Test,
  made: string,
  analyze: Analyze,
  cases: readonly (readonly [title: string, statements: readonly string[], expected: readonly string[]])[],
): void => {
  for (const [title, statements, expected] of cases) {
    t.test(title, async t => {
      const recording = await recordStatements(t, made, statements)
      for (const { sql, error } of recording.steps) t.equal(error, null, sql)
      const kept = withoutUndone(recording.steps)
      const found = analyze({ ...recording, lineages: lineagesOf(recording), kept, after: afterOf(recording) })
      t.strictSame(
        found.map(({ code, message }) => `${code}: ${message}`),
        expected,
      )
      for (const { statement } of found) t.ok(recording.steps.some(({ sql }) => sql === statement))
    })
  }
}

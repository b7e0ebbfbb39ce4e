// This room is about SQLite.
import Database from 'better-sqlite3'
import type { SchemaEditor, StatementHook } from '../engine.ts'
import { attemptAsync, printable, reasonOf } from '../failure.ts'
import { readAppSchema, type Schema } from '../sqlite/schema/read.ts'
import { keywordOf } from '../sqlite/sql.ts'
import { migratableOn } from '../sqlite/transaction.ts'
import type { Part, Step, TriedPart } from './write.ts'

type Tried = Readonly<{ after: Schema; statements: readonly string[] }>

/** Runs the parts that need no decision on a copy of a schema, in memory; one that fails becomes a decision, and says why. */
export const tryParts = async (
  from: Schema,
  parts: readonly Part[],
): Promise<Readonly<{ after: Schema; parts: readonly TriedPart[] }>> => {
  const tried: TriedPart[] = []
  const { after } = await tryOn(from, async (editor, statements, present) => {
    for (const part of parts) {
      const before = statements().length
      const outcome = part.decide === undefined ? await attemptAsync(() => runStep(editor, part.step)) : undefined
      if (outcome !== undefined && 'value' in outcome) tried.push({ ...part, statements: statements().slice(before) })
      else {
        const decide = outcome === undefined ? part.decide : `fails: ${printable(reasonOf(outcome.error))}`
        tried.push({ ...part, decide, statements: await statementsOf(present(), part.step) })
      }
    }
  })
  return { after, parts: tried }
}

/** Runs `work` on a copy of a schema, in memory. */
export const tryOn = async (
  from: Schema,
  work: (editor: SchemaEditor, statements: () => readonly string[], present: () => Schema) => Promise<void>,
): Promise<Tried> => {
  const connection = new Database(':memory:')
  try {
    connection.pragma('foreign_keys = OFF')
    for (const { sql } of [
      ...from.tables,
      ...from.tables.flatMap(({ indexes }) => indexes),
      ...from.views,
      ...from.triggers,
    ])
      if (sql !== null) connection.exec(sql)
    connection.exec('BEGIN')
    const statements: string[] = []
    const hook: StatementHook = (asked, execute) => {
      if (!/^(?:SELECT|SAVEPOINT|RELEASE)?$/.test(keywordOf(asked.sql))) statements.push(asked.sql)
      return execute()
    }
    const present = () => readAppSchema(connection)
    await work(await migratableOn(connection).editor(hook), () => statements, present)
    return { after: present(), statements }
  } finally {
    connection.close()
  }
}

const runStep = async (editor: SchemaEditor, step: Step): Promise<void> => {
  if (step.does === 'sql') return editor.runSql(step.sql)
  if (step.does === 'change type') return editor.changeColumn(step.table, step.column, { type: step.type })
  const copy = Object.fromEntries(step.copy.map(name => [name, null]))
  return editor.rebuildTable(step.table, step.createSql, { copy })
}

/** The statements of a part that is not tried with the others, where it stands among them; empty if it fails there. */
const statementsOf = async (from: Schema, step: Step): Promise<readonly string[]> => {
  if (step.does === 'sql') return [step.sql]
  const outcome = await attemptAsync(() => tryOn(from, editor => runStep(editor, step)))
  return 'value' in outcome ? outcome.value.statements : []
}

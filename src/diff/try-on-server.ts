// This file is about PostgreSQL.
import { attemptAsync, printable, reasonOf } from '../failure.ts'
import { compareServerSchemas } from '../postgres/compare.ts'
import type { Connection } from '../postgres/connect.ts'
import { readServerSchema, type ServerSchema } from '../postgres/schema.ts'
import { statementsOf } from '../postgres/sql.ts'
import { planOnServer } from './plan-on-server.ts'
import { type Form, type Losses, type Part, type SqlPart, type TriedPart, type Written, writeText } from './write.ts'

type Options = Readonly<{ isOfModels: boolean }>

/**
 * Writes the migration that makes another schema of the one that a connection is in, after a trial of both of its directions there:
 * the transaction is to be rolled back. Undefined if they differ in nothing.
 */
export const writeOnServer = async (
  connection: Connection,
  to: ServerSchema,
  options: Options,
  form: Form,
): Promise<Written | undefined> => {
  const from = await readServerSchema(connection)
  const up = await tryChange(connection, to, 'decide', options)
  const after = await readServerSchema(connection)
  const covered = up.some(({ decide }) => decide !== undefined)
  const left = covered ? [] : compareServerSchemas(to, after)
  if (up.length === 0 && left.length === 0) return undefined
  const down = await tryChange(connection, from, 'run', options)
  const of = options.isOfModels ? 'the models' : 'the database'
  const findings = left.map(({ kind, name, what, before, after: found }) => {
    return { object: `${kind} ${name}`, what, expected: before, found }
  })
  return writeText(of, { up, down, left: findings }, form)
}

/** A column that is made anew takes indexes along, which are planned only then. */
const rounds = 4

const tryChange = async (
  connection: Connection,
  to: ServerSchema,
  losses: Losses,
  options: Options,
): Promise<readonly TriedPart[]> => {
  const tried: TriedPart[] = []
  for (let round = 0; round < rounds; round += 1) {
    const planned = planOnServer(await readServerSchema(connection), to, losses, options)
    // decisions are told once, and what fails fails again
    const parts = round === 0 ? planned : planned.filter(({ decide }) => decide === undefined)
    if (parts.every(part => tried.some(other => isSameStep(part, other)))) break
    tried.push(
      ...(await tryParts(
        connection,
        parts.filter(part => !hasFailed(part, tried)),
      )),
    )
  }
  return tried
}

const isSameStep = (a: Part, b: Part): boolean => JSON.stringify(a.step) === JSON.stringify(b.step)
const hasFailed = (part: Part, tried: readonly TriedPart[]): boolean =>
  tried.some(other => other.decide !== undefined && isSameStep(part, other))

/** Runs the parts that need no decision, and what fails once more behind the others; what still fails becomes a decision. */
const tryParts = async (connection: Connection, parts: readonly SqlPart[]): Promise<readonly TriedPart[]> => {
  const tried: TriedPart[] = []
  for (let waiting = parts; ; ) {
    const failed: (SqlPart & TriedPart)[] = []
    for (const part of waiting) {
      const statements = [part.step.sql]
      const outcome =
        part.decide === undefined ? await attemptAsync(() => tryStatements(connection, statements)) : undefined
      if (outcome === undefined || 'value' in outcome) tried.push({ ...part, statements })
      else failed.push({ ...part, statements, decide: `fails: ${printable(reasonOf(outcome.error))}` })
    }
    if (failed.length === 0 || failed.length === waiting.length) return [...tried, ...failed]
    waiting = failed.map(part => ({ ...part, decide: undefined }))
  }
}

/** As runSql runs them, but that an error leaves nothing. */
const tryStatements = async (connection: Connection, texts: readonly string[]): Promise<void> => {
  await connection.query('SAVEPOINT migrator_diff')
  const outcome = await attemptAsync(async () => {
    for (const text of texts) for (const { sql } of statementsOf(text)) await connection.query(sql)
  })
  if ('error' in outcome) await connection.query('ROLLBACK TO migrator_diff')
  await connection.query('RELEASE migrator_diff')
  if ('error' in outcome) throw outcome.error
}

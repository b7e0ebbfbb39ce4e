/** The export `homelab-migrator`: commands of the program inside a Node program of one's own, described in docs/library.md. */
import type { Plan } from '../commands/plan.ts'
import type { Status } from '../commands/status.ts'
import type { Verification } from '../commands/verify.ts'
import type { Context } from '../context.ts'
import { Failure, type FailureCode } from '../failure.ts'
import { type LogEvent, type Options, run, type Settings } from './run.ts'

export type { FailureCode, LogEvent, Options, Plan, Settings, Status, Verification }
export { Failure }

/** A Failure of `plan` or `verify`, which tells why by what was found. */
export type FailureWithReport<Report> = Failure & Readonly<{ report: Report }>

export type Applied = Readonly<{
  /** what was applied, in order; empty if nothing was pending */
  applied: readonly Readonly<{ name: string; milliseconds: number }>[]
  /** the last applied migration */
  schema: string
}>

/**
 * Makes the database ready, as `migrator up` does.
 * @throws Failure what `migrator up` ends with; the reason of `signal` once that is aborted, and nothing is changed
 */
export const up = async (options: Options & Readonly<{ to?: string | undefined }>): Promise<Applied> => {
  const events = await run(options, 'writes', async context => {
    await (await import('../commands/up.ts')).up(context, options.to)
  })
  const applied = events.flatMap(line =>
    line.event === 'migration.applied' ? [{ name: String(line.name), milliseconds: Number(line.milliseconds) }] : [],
  )
  return { applied, schema: lastSchema(events) }
}

/** What is applied and what is pending, as `migrator status --json` prints it. Reads only. @throws Failure */
export const status = (options: Options): Promise<Status> =>
  reporting(options, async context => {
    const { status } = await import('../commands/status.ts')
    return status(context, { format: 'json', exitCode: false })
  })

/**
 * Tries the pending migrations on a copy, as `migrator plan --json` does. Reads only. What a migration calls of clock, chance and
 * network is not told: those functions belong to the whole process.
 * @throws FailureWithReport<Plan> what `up` would fail with; Failure
 */
export const plan = (options: Options): Promise<Plan> =>
  reporting(options, async context => {
    const [{ plan }, { watchNothing }] = await Promise.all([
      import('../commands/plan.ts'),
      import('../lint/outside.ts'),
    ])
    return plan(context, 'json', watchNothing)
  })

/**
 * Checks all of the volume, as `migrator verify --json` does. Reads only.
 * @throws FailureWithReport<Verification> the worst of what it found; Failure
 */
export const verify = (options: Options): Promise<Verification> =>
  reporting(options, async context => {
    return (await import('../commands/verify.ts')).verify(context, { json: true })
  })

export type Undone = Readonly<{
  /** in the order in which they were undone; empty if there was nothing to undo */
  undone: readonly string[]
  /** the last applied migration; empty if none is, or nothing was undone */
  schema: string
}>

/**
 * Undoes applied migrations by their `down`, as `migrator down --yes` does: nobody is asked.
 * @param options with how many, 1 if left out, or with `to`, the migration that stays the last one
 * @throws Failure what `migrator down` ends with; the reason of `signal` once that is aborted, and nothing is changed
 */
export const down = async (
  options: Options & Readonly<{ steps?: number | undefined; to?: string | undefined }>,
): Promise<Undone> => {
  const { steps = 1, to } = options
  if (!Number.isSafeInteger(steps) || steps < 1 || (to !== undefined && options.steps !== undefined))
    throw new Failure('CONFIG_INVALID', `steps: ${steps} is not valid`, 'Use a whole number from 1, or `to` alone.')
  const events = await run(options, 'writes', async context => {
    await (await import('../commands/down.ts')).down(context, to === undefined ? { steps } : { to }, true)
  })
  const undone: unknown = events.find(line => line.event === 'down.done')?.undone
  const names = Array.isArray(undone) ? undone.map(String) : []
  return { undone: names, schema: lastSchema(events) }
}

const lastSchema = (events: readonly LogEvent[]): string =>
  String(events.flatMap(event => ('schema' in event ? [event.schema] : [])).at(-1) ?? '')

/** What a command prints as JSON; a Failure that it throws afterwards has it, too. */
const reporting = async <Report>(options: Options, work: (context: Context) => Promise<void>): Promise<Report> => {
  let printed = ''
  const print = (text: string): void => {
    printed += text
  }
  try {
    await run(options, 'reads', context => work({ ...context, print }))
    return JSON.parse(printed)
  } catch (error) {
    throw error instanceof Failure && printed !== '' ? Object.assign(error, { report: JSON.parse(printed) }) : error
  }
}

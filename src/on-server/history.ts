import type { Engine } from '../engine.ts'
import type { Dialect } from '../migrations/files.ts'
import type { readPlan } from '../migrations/plan.ts'

/** Whose text of a migration an engine runs. */
export const dialectOf = ({ server }: Pick<Engine, 'server'>): Dialect => (server === undefined ? 'sqlite' : 'postgres')

/** Whether the history of a server, which has no marker, says that it is ready. */
export const saysReady = ({
  applied,
  pending,
  conflicts,
}: Readonly<Record<keyof Awaited<ReturnType<typeof readPlan>>, readonly unknown[]>>): boolean =>
  applied.length > 0 && pending.length === 0 && conflicts.length === 0

import type { Present, Recordable } from '../../engine.ts'
import { foldName } from '../sql.ts'
import { migrations } from './migrations.ts'

/** One of this program's own migrations as it ran on an empty database (scripts/compile.ts). */
export type Compiled = Recordable &
  Readonly<{
    /** its statements; undefined where they might depend on more than the schema before */
    sql: string | undefined
    /** the objects that it made or changed, by name; null for one that it dropped */
    objects: Readonly<Record<string, string | null>>
  }>

/**
 * The statements of the migrations that are this program's own, unchanged, on a database that has of all objects they name those
 * alone that the applied ones made: there the code would run the same. None of others.
 */
export const compiledFor = (
  known: readonly Recordable[],
  { objects, applied }: Present,
  own: readonly Compiled[] = migrations,
): ReadonlyMap<string, string> => {
  const names = new Set(own.flatMap(({ objects }) => Object.keys(objects).map(foldName)))
  const made = Object.assign({}, ...own.slice(0, applied.length).map(({ objects }) => objects))
  const expected = Object.entries(made).filter(([, sql]) => sql !== null)
  const present = objects.filter(({ name }) => names.has(foldName(name)))
  const isAsMade = present.length === expected.length && present.every(({ name, sql }) => made[name] === sql)
  const isOwn = ({ name, checksum }: Recordable, index: number): boolean =>
    own[index]?.name === name && own[index].checksum === checksum
  const end = known.findIndex((file, index) => !isOwn(file, index))
  const same = isAsMade ? own.slice(0, end === -1 ? known.length : end) : []
  return new Map(same.flatMap(({ name, sql }) => (sql === undefined ? [] : [[name, sql]])))
}

import { Failure } from '../failure.ts'
import { preflight } from '../sqlite/file.ts'

/** A file that has a database in it. @throws Failure CONFIG_INVALID if there is none; DATABASE_DAMAGED */
export const requireFile = (path: string): string => {
  if (preflight(path, true) === 'there') return path
  throw new Failure('CONFIG_INVALID', `there is no database ${path}`, 'Name the file of the hub: --from sqlite:FILE.')
}

import { inJavaScript } from './in-javascript.ts'
import { inPython } from './in-python.ts'
import { inSql } from './in-sql.ts'

/** One tool and what its user writes to make the hub of hub.ts. */
export type Project = Readonly<{
  /** also the name of the dump */
  tool: string
  /** where it may be had; a command that is on the PATH already needs nothing */
  from: Readonly<{
    npm?: readonly string[]
    pip?: readonly string[]
    debian?: readonly string[]
    go?: string
    tags?: string
  }>
  /** run in turn, in a folder with the files, where they make hub.db */
  commands: readonly (readonly [string, ...string[]])[]
  /** prints the version; a package of npm says it itself */
  version?: readonly [string, ...string[]]
  files: Readonly<Record<string, string>>
}>

export const projects: readonly Project[] = [...inJavaScript, ...inPython, ...inSql]

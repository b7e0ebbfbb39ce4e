/**
 * Every way this program can fail and the exit code of each: a closed table, listed in docs/exit-codes.md.
 * Codes 125 to 127, 137 and 139 are left to container engines and the kernel.
 */
export const exitCodes = {
  BUG: 1,
  CONFIG_INVALID: 2,
  PENDING: 3,
  VOLUME_MISSING: 10,
  VOLUME_NOT_MOUNTED: 10,
  DATABASE_UNREACHABLE: 10,
  NO_SUCH_DATABASE: 10,
  DISK_FULL: 11,
  VOLUME_READ_ONLY: 12,
  VOLUME_NOT_WRITABLE: 12,
  DATABASE_READ_ONLY: 12,
  PRIVILEGE_MISSING: 12,
  FILESYSTEM_UNSUITABLE: 13,
  SERVER_UNSUITABLE: 13,
  DATABASE_BUSY: 20,
  COMMIT_UNKNOWN: 20,
  NOT_READY: 20,
  SOURCE_CHANGED: 20,
  DATABASE_DAMAGED: 30,
  MIGRATION_FAILED: 40,
  VALUES_REFUSED: 41,
  HISTORY_CONFLICT: 50,
  DATABASE_AHEAD: 51,
  OUT_OF_ORDER: 52,
  SCHEMA_DRIFT: 53,
  DATABASES_DIFFER: 54,
  SIGINT: 130,
  SIGTERM: 143,
} as const

export type FailureCode = keyof typeof exitCodes

/** A failure that a person can act on: `message` names the thing and `hint` says how to fix it, one line each. */
export class Failure extends Error {
  readonly code: FailureCode
  readonly hint: string

  constructor(code: FailureCode, message: string, hint: string, cause?: unknown) {
    super(printable(message), { cause })
    this.name = 'Failure'
    this.code = code
    this.hint = printable(hint)
  }

  get exitCode(): number {
    return exitCodes[this.code]
  }
}

/** Whether an error is the Failure of that code. */
export const isFailure = (error: unknown, code: FailureCode): error is Failure =>
  error instanceof Failure && error.code === code

export type Outcome<T> = Readonly<{ value: T } | { error: unknown }>

/** Runs `work` and returns its value, or what it threw. */
export const attempt = <T>(work: () => T): Outcome<T> => {
  try {
    return { value: work() }
  } catch (error) {
    return { error }
  }
}

/** The same for asynchronous work. */
export const attemptAsync = async <T>(work: () => T | Promise<T>): Promise<Outcome<T>> => {
  try {
    return { value: await work() }
  } catch (error) {
    return { error }
  }
}

/** A value that is always there, which its type does not know. @throws Error if it is not, which is a bug */
export const must = <T>(value: T | null | undefined): T => {
  if (value === undefined || value === null) throw new Error('a bug: a value is missing that is always there')
  return value
}

/** The frames of an error's stack, a line each; none if it has none. */
export const framesOf = ({ stack }: Error): string =>
  String(stack)
    .split('\n')
    .filter(line => line.startsWith('    at '))
    .join('\n')

/** The `code` of an error of Node or SQLite (`ENOENT`, `SQLITE_BUSY`); undefined for anything without one. */
export const errorCode = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

/** Why something failed, whatever was thrown: a migration may throw what cannot be turned into text. */
export const reasonOf = (error: unknown): string => {
  const outcome = attempt(() => messageOf(error))
  return 'value' in outcome ? outcome.value : 'what it threw has no message'
}

/** Sequelize's own message may be a bare "Validation error"; SQLite's is in `parent`. */
const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if ('parent' in error) return messageOf(error.parent)
  // the bridge puts SQLite's code before the message, as Sequelize expects; the cause has the message alone
  return 'errno' in error && error.cause instanceof Error ? error.cause.message : String(error.message)
}

/** The value of `work`; undefined if a file that it needs does not exist, or no longer. */
export const unlessGone = <T>(work: () => T): T | undefined => {
  try {
    return work()
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return undefined
  }
}

/** Characters that a terminal obeys or reorders text by: control characters and direction marks. By all others: \p{Cc} compiles slowly. */
const obeyed = /[^ -~\xa0-\u061b\u061d-\u200d\u2010-\u2027\u202f-\u2065\u206a-\uffff]/g

const codeOf = (mark: string): string => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Escapes control characters as in JSON, except line feeds and tabs, so that a terminal only shows them. */
export const escapeControls = (text: string): string =>
  text.replaceAll('\r\n', '\n').replaceAll(obeyed, mark => (mark === '\n' || mark === '\t' ? mark : codeOf(mark)))

/** Text on one line, whatever a table's name or a migration's error contains: line breaks become spaces. */
export const printable = (text: string): string => text.replaceAll(obeyed, mark => (mark === '\n' ? ' ' : codeOf(mark)))

/** Quotes a path, where needed, for a command that a hint proposes. */
export const forShell = (path: string): string =>
  /^[\w./:=,@%+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`

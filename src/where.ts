/** Where in a migration's code an error happened, and what mends it: read from the texts that Node and Sequelize give. */
import { realpathSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorCode, reasonOf, unlessGone } from './failure.ts'
import { shortened } from './text.ts'

/** `file:line:column` of the first frame in the folder of a migration; undefined if the error's stack has none. */
export const placeOf = (error: unknown, file: string): string | undefined =>
  errorsIn(error)
    .flatMap(({ stack = '' }) => [...stack.matchAll(frame)])
    .map(({ groups }) => toPlace(groups?.path ?? '', `${groups?.line}:${groups?.column}`, file))
    .find(place => place !== undefined)

const frame = /^ {4}at (?:.*\(|async )?(?<path>(?:file:\/\/)?\/[^\n]*?)(?:\?[^\n:]*)?:(?<line>\d+):(?<column>\d+)\)?$/gm

const errorsIn = (error: unknown): readonly Error[] => (error instanceof Error ? [error, ...errorsIn(error.cause)] : [])

/** The place as the settings name the folder, which may be a link; undefined for a path outside of it. */
const toPlace = (path: string, position: string, file: string): string | undefined => {
  // CommonJS is loaded under another name: modules.ts
  const found = (path.startsWith('file:') ? fileURLToPath(path) : path).replace(/\.js\.cjs$/, '.js')
  const real = unlessGone(() => realpathSync(file)) ?? file
  if (found === real) return `${file}:${position}`
  const folder = [dirname(file), dirname(real)].find(candidate => found.startsWith(candidate + sep))
  return folder === undefined ? undefined : `${join(dirname(file), relative(folder, found))}:${position}`
}

/** The statement that failed, in one short line; undefined for an error of anything else. */
const statementOf = (error: unknown): string | undefined =>
  error instanceof Error && 'sql' in error && typeof error.sql === 'string'
    ? shortened(error.sql.replace(/;\s*$/, ''))
    : undefined

/** What a migration failed by while it ran: `failed at 0004-add-x.ts:3:9: duplicate column name: x in ALTER TABLE ...`. */
export const failedText = (error: unknown, file: string): string => {
  const place = placeOf(error, file)
  const statement = statementOf(error)
  return `failed${place === undefined ? '' : ` at ${place}`}: ${reasonOf(error)}${statement === undefined ? '' : ` in ${statement}`}`
}

/** Why a file could not be loaded, and what mends it. */
export type Unloadable = Readonly<{
  /** the file, with line and column where they are known */
  place: string
  reason: string
  hint: string
}>

export const explainLoading = (error: unknown, file: string): Unloadable => {
  const found = excerptOf(error, file)
  const place = found?.place ?? placeOf(error, file) ?? file
  const reason = firstLine(reasonOf(error))
  return { place, reason: found === undefined ? reason : `${reason} in ${found.line}`, hint: hintFor(error, reason) }
}

/** Whether it is an error of a file's syntax that does not tell its line: V8 knows it, and gives it to nobody. */
export const isWithoutLine = (error: unknown, file: string): boolean =>
  error instanceof SyntaxError && !excerpt.test(error.stack ?? '') && placeOf(error, file) === undefined

/** Node puts the line before the error, with a mark below it. */
const excerpt = /^(?<path>(?:file:|\/)\S+?)(?:\?\S*?)?:(?<line>\d+)\n(?:[^\n]*\n)*?(?<source>[^\n]*)\n(?<space> *)\^/

const excerptOf = (error: unknown, file: string): Readonly<{ place: string; line: string }> | undefined => {
  const groups = error instanceof Error ? excerpt.exec(error.stack ?? '')?.groups : undefined
  if (groups === undefined) return undefined
  const { path = '', line = '', source = '', space = '' } = groups
  const position = `${line}:${space.length + 1}`
  return { place: toPlace(path, position, file) ?? `${path}:${position}`, line: shortened(source) }
}

const firstLine = (text: string): string => text.trim().replace(/\n[\s\S]*/, '')

const hintFor = (error: unknown, reason: string): string => {
  const missing = /does not provide an export named '(?<name>[^']+)'/.exec(reason)?.groups?.name
  if (missing !== undefined) return `Where ${missing} is a type, write "import type { ${missing} } from ...".`
  if (/^(?:module|require|exports|__dirname|__filename) is not defined/.test(reason))
    return 'It is loaded as an ES module: write import and export, or call the file .cjs.'
  if (errorCode(error) === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return 'Node only takes types away: write it as JavaScript, such as an object "as const" for an enum.'
  const named = /^Cannot find package '(?<name>[^']+)'/.exec(reason)?.groups?.name
  if (named !== undefined)
    return `Do without ${named}, or install it where the migrations are; of a type say "import type". The migrator brings sequelize.`
  if (errorCode(error) === 'ERR_MODULE_NOT_FOUND')
    return 'Check the path: it is from the file that imports, with the extension.'
  return 'Mend the file.'
}

/** Where in a migration's code an error happened, and what mends it: read from the texts that Node and Sequelize give. */

import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorCode, must, reasonOf, unlessGone } from './failure.ts'
import { readFileSync, realpathSync } from './fs.ts'
import { shortened } from './text.ts'

export type Place = Readonly<{
  file: string
  /** both from 1 */
  line: number
  column: number
}>

/** The place of the first frame in the folder of a migration; undefined if a stack has none. */
export const placeInStack = (stack: string, file: string): Place | undefined =>
  [...stack.matchAll(frame)]
    .flatMap(({ groups }) => {
      const { path, line, column } = must(groups)
      const found = toFile(must(path), file)
      return found === undefined ? [] : { file: found, line: Number(line), column: Number(column) }
    })
    .at(0)

/** The place of an error, or of its cause. */
export const findPlace = (error: unknown, file: string): Place | undefined =>
  placeInStack(
    errorsIn(error)
      .map(({ stack }) => stack)
      .join('\n'),
    file,
  )

/** The same as text: `file:line:column`. */
export const placeOf = (error: unknown, file: string): string | undefined => {
  const found = findPlace(error, file)
  return found && `${found.file}:${found.line}:${found.column}`
}

const frame = /^ {4}at (?:.*\(|async )?(?<path>(?:file:\/\/)?\/[^\n]*?)(?:\?[^\n:]*)?:(?<line>\d+):(?<column>\d+)\)?$/gm

const errorsIn = (error: unknown): readonly Error[] => (error instanceof Error ? [error, ...errorsIn(error.cause)] : [])

/** The path as the settings name the folder, which may be a link; undefined for a path outside of it. */
const toFile = (path: string, file: string): string | undefined => {
  // CommonJS is loaded under another name: modules.ts
  const found = (path.startsWith('file:') ? fileURLToPath(path) : path).replace(/\.js\.cjs$/, '.js')
  const real = unlessGone(() => realpathSync(file)) ?? file
  if (found === real) return file
  const folder = [dirname(file), dirname(real)].find(candidate => found.startsWith(candidate + sep))
  return folder === undefined ? undefined : join(dirname(file), relative(folder, found))
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
type Unloadable = Readonly<{
  /** the file, with line and column where they are known */
  place: string
  reason: string
  hint: string
}>

export const explainLoading = (error: unknown, file: string): Unloadable => {
  const found = excerptOf(error, file) ?? decoratorOf(error, file)
  const place = found?.place ?? placeOf(error, file) ?? importPlace(error, file) ?? file
  const reason = firstLine(reasonOf(error))
  const told = found === undefined ? reason : `${reason} in ${found.line.trim()}`
  return { place, reason: told, hint: hintFor(error, told) }
}

/** Whether it is an error of a file's syntax that does not tell its line: V8 knows it, and does not expose it. */
export const isWithoutLine = (error: unknown, file: string): boolean =>
  error instanceof SyntaxError && excerptOf(error, file) === undefined && placeOf(error, file) === undefined

/** The first decorator that begins a line of code, in which no comment counts, with its `LINE:COLUMN`; undefined if there is none. */
export const decoratorIn = (code: string): Readonly<{ position: string; text: string }> | undefined => {
  const bare = code.replaceAll(/\/\*[\s\S]*?\*\//g, comment => comment.replaceAll(/[^\n]/g, ' '))
  const found = /(?<=^[^\S\n]*)@[A-Za-z_$][^\n]*/m.exec(bare)
  if (found === null) return undefined
  const lines = bare.slice(0, found.index).split('\n')
  return { position: `${lines.length}:${must(lines.at(-1)).length + 1}`, text: found[0].trim() }
}

/** V8 does not tell where it meets a decorator in an ES module, which Node's stripping of types leaves in it. */
const decoratorOf = (error: unknown, file: string): Readonly<{ place: string; line: string }> | undefined => {
  const found = isWithoutLine(error, file) ? decoratorIn(readFileSync(file, 'utf8')) : undefined
  return found && { place: `${file}:${found.position}`, line: found.text }
}

/** Node puts the line before the error, with a mark below it; the last line has none where the file ends too early. */
const excerpt = /^(?<path>(?:file:|\/)\S+?)(?:\?\S*?)?:(?<line>\d+)\n(?:[^\n]*\n)*?(?<source>[^\n]*)\n(?<space> *)\^/
const excerptAtEnd =
  /^(?<path>(?:file:|\/)\S+?)(?:\?\S*?)?:(?<line>\d+)\n(?:[^\n]*\n)*?(?<source>[^\n]*)\n\nSyntaxError/

const excerptOf = (error: unknown, file: string): Readonly<{ place: string; line: string }> | undefined => {
  const stack = error instanceof Error ? String(error.stack) : ''
  const groups = (excerpt.exec(stack) ?? excerptAtEnd.exec(stack))?.groups
  if (groups === undefined) return undefined
  const { path = '', line = '', source = '', space = source } = groups
  const position = `${line}:${space.length + 1}`
  return { place: `${toFile(path, file) ?? path}:${position}`, line: shortened(source) }
}

const notFound = /^Cannot find (?:package '(?<name>[^']+)'|module '(?<path>[^']+)') imported from (?<importer>[^\n]+)/

/** Where a file imports what is not there: Node names the file alone. */
const importPlace = (error: unknown, file: string): string | undefined => {
  const { name, path, importer } = notFound.exec(reasonOf(error))?.groups ?? {}
  const text = importer && unlessGone(() => readFileSync(importer, 'utf8'))
  if (!text) return undefined
  const isIt = (specifier: string): boolean =>
    name === undefined
      ? resolve(dirname(importer), specifier) === path
      : specifier === name || specifier.startsWith(`${name}/`)
  const found = text
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(/(['"])(?<specifier>.+?)\1/g)]
        .filter(({ groups }) => isIt(String(groups?.specifier)))
        .map(quoted => `${toFile(importer, file) ?? importer}:${index + 1}:${quoted.index + 1}`),
    )
  return found[0]
}

const firstLine = (text: string): string => text.trim().replace(/\n[\s\S]*/, '')

export const decoratorHint =
  "Node takes types away, and knows no decorators: run it with NODE_OPTIONS='--import tsx' (npm install tsx), or compile the file and name what comes out."

const hintFor = (error: unknown, reason: string): string => {
  const missing = /does not provide an export named '(?<name>[^']+)'/.exec(reason)?.groups?.name
  if (missing !== undefined) return `Where ${missing} is a type, write "import type { ${missing} } from ...".`
  if (/^(?:module|require|exports|__dirname|__filename) is not defined/.test(reason))
    return 'It is loaded as an ES module: write import and export, or call the file .cjs.'
  if (/^(?:Invalid or unexpected token|Unexpected token '@'|Expression expected) in @/.test(reason))
    return decoratorHint
  if (errorCode(error) === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return 'Node only strips types: write it as JavaScript, such as an object "as const" for an enum.'
  const named = /^Cannot find package '(?<name>[^']+)'/.exec(reason)?.groups?.name
  if (named !== undefined)
    return `Install ${named} where the migrations are, or do without it; for a type, write "import type". The migrator brings sequelize.`
  if (errorCode(error) === 'ERR_MODULE_NOT_FOUND')
    return 'Check the path: it starts at the importing file, and includes the extension.'
  return 'Fix the file.'
}

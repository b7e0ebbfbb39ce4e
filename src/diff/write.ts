import { printable } from '../failure.ts'
import type { Finding } from '../sqlite/schema/compare.ts'
import type { Schema } from '../sqlite/schema/read.ts'
import { nameIn } from './create-table.ts'
import { differencesOf, type Part, planChange } from './plan.ts'
import { statementsOf, type TriedPart, tryParts } from './try.ts'

/** How a migration is written. */
export type Form = Readonly<{
  /** `sql`, or code with types or without */
  language: 'sql' | 'ts' | 'js'
  /** the module that the type of a migration comes from */
  types: string
}>

/** A migration as text; undefined if two schemas differ in nothing. */
export type Written = Readonly<{ text: string; calls: number; decisions: number }>

/**
 * Writes the migration that makes one schema of another, after a trial of both of its directions on a copy. What may lose rows, or
 * fail because of them, is a comment.
 */
export const writeMigration = async (
  from: Schema,
  to: Schema,
  { isOfModels }: Readonly<{ isOfModels: boolean }>,
  form: Form,
): Promise<Written | undefined> => {
  const of = isOfModels ? 'the models' : 'the database'
  const planned = forForm(planChange(from, to, 'decide'), form).map(part => (isOfModels ? forModels(part, to) : part))
  const { after, parts: up } = await tryParts(from, planned)
  // what no part makes, nor a decision: told, so that nothing is passed over in silence
  const covered = up.some(({ decide }) => decide !== undefined)
  const left = covered ? [] : differencesOf(to, after)
  if (up.length === 0 && left.length === 0) return undefined
  const { parts: down } = await tryParts(after, forForm(planChange(after, from, 'run'), form))
  const text = form.language === 'sql' ? await inSql(of, up, down, left, after) : inCode(of, up, down, left, form)
  return {
    text,
    calls: up.filter(({ decide }) => decide === undefined).length,
    decisions: up.filter(({ decide }) => decide !== undefined).length + left.length,
  }
}

/** Many hubs make their indexes by migrations alone: one that the models do not have is not dropped by itself. */
const forModels = (part: Part, { tables }: Schema): Part => {
  const [, name] = part.step.does === 'sql' ? (/^DROP INDEX (.*)$/s.exec(part.step.sql) ?? []) : []
  const isMadeAnew = tables.some(({ indexes }) =>
    indexes.some(index => index.name !== null && nameIn(index.name) === name),
  )
  if (name === undefined || part.decide !== undefined || isMadeAnew) return part
  return { ...part, decide: `the models do not have the index ${name}` }
}

/** In SQL nothing looks whether a value would be another under its new type, as changeColumn does. */
const forForm = (parts: readonly Part[], { language }: Form): readonly Part[] =>
  parts.map(part =>
    language === 'sql' && part.step.does === 'change type' && part.decide === undefined
      ? {
          ...part,
          decide: `${part.step.table}.${part.step.column} becomes ${part.step.type}: its values may change`,
        }
      : part,
  )

const leftLines = (left: readonly Finding[]): readonly string[] =>
  left.map(
    ({ object, what, expected, found }) =>
      `To decide: not written is ${printable(`${object} ${what}: ${expected ?? 'nothing'} in place of ${found ?? 'nothing'}`)}`,
  )

const inCode = (
  of: string,
  up: readonly TriedPart[],
  down: readonly TriedPart[],
  left: readonly Finding[],
  { language, types }: Form,
): string => {
  const isTyped = language === 'ts'
  const head = isTyped ? `import type { Migration } from '${types}'\n\n` : ''
  const direction = (name: string, parts: readonly TriedPart[], more: readonly string[]): string => {
    const takes = parts.some(({ decide }) => decide === undefined) ? '{ context: schema }' : ''
    const lines = [...parts.flatMap(codeOf), ...more.map(line => `// ${line}`)].map(line => `  ${line}`)
    const body = lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n}`
    return `export const ${name}${isTyped ? ': Migration' : ''} = async (${takes}) => ${body}\n`
  }
  return `${head}/** Brings the schema to that of ${of}. */\n${direction('up', up, leftLines(left))}\n${direction('down', down, [])}`
}

const codeOf = ({ step, decide }: Part): readonly string[] => {
  const call = callOf(step)
  if (decide === undefined) return [call]
  return [`// To decide: ${printable(decide)}`, ...call.split('\n').map(line => `// ${line}`)]
}

/** A text of SQL as a template; the lines behind its first one stay as they are. */
const template = (sql: string): string => `\`${sql.replaceAll(/[\\`]|\$(?=\{)/g, mark => `\\${mark}`)}\``
const literal = (text: string): string => `'${text.replaceAll(/['\\]/g, mark => `\\${mark}`).replaceAll('\n', '\\n')}'`

const callOf = (step: Part['step']): string => {
  if (step.does === 'sql') return `await schema.runSql(${template(step.sql)})`
  if (step.does === 'change type')
    return `await schema.changeColumn(${literal(step.table)}, ${literal(step.column)}, { type: ${literal(step.type)} })`
  const copy = step.copy.map(name => `${literal(name)}: null`).join(', ')
  const more = copy === '' ? '' : `, { copy: { ${copy} } }`
  return `await schema.rebuildTable(${literal(step.table)}, ${template(step.createSql)}${more})`
}

const inSql = async (
  of: string,
  up: readonly TriedPart[],
  down: readonly TriedPart[],
  left: readonly Finding[],
  after: Schema,
): Promise<string> => {
  const [above, below] = await Promise.all([up, down].map(parts => Promise.all(parts.map(part => sqlOf(part, after)))))
  const statements = above?.flat() ?? []
  // a file without a statement is refused
  const first = up.some(({ decide }) => decide === undefined)
    ? []
    : ['SELECT 1; -- does nothing until something is decided']
  return [
    `-- Brings the schema to that of ${of}.`,
    '',
    '-- migrate:up',
    ...first,
    ...statements,
    ...leftLines(left).map(line => `-- ${line}`),
    '',
    '-- migrate:down',
    ...(below?.flat() ?? []),
    '',
  ].join('\n')
}

const sqlOf = async ({ step, decide, statements }: TriedPart, after: Schema): Promise<readonly string[]> => {
  if (decide === undefined) return (step.does === 'sql' ? [step.sql] : statements).map(sql => `${sql};`)
  const text = (await statementsOf(after, step)).map(sql => `${sql};`).join('\n')
  return [`-- To decide: ${printable(decide)}`, ...(text === '' ? [] : text.split('\n').map(line => `-- ${line}`))]
}

import { printable } from '../failure.ts'

/** How a migration is written. */
export type Form = Readonly<{
  /** `sql`, or code with types or without */
  language: 'sql' | 'ts' | 'js'
  /** the module that the type of a migration comes from */
  types: string
}>

/** One call of a migration. */
export type Step =
  | Readonly<{ does: 'sql'; sql: string }>
  | Readonly<{ does: 'rebuild'; table: string; createSql: string; copy: readonly string[] }>
  | Readonly<{ does: 'change type'; table: string; column: string; type: string }>

/** What is written into a migration: a call, or one that a person has to decide on. */
export type Part = Readonly<{
  step: Step
  /** why it does not run by itself; undefined if it does */
  decide: string | undefined
}>

/** One of a server, where everything is a statement. */
export type SqlPart = Part & Readonly<{ step: Extract<Step, { does: 'sql' }> }>

/**
 * What may lose rows, or fail because of them. `decide`: as a comment; `run`: as code, for a `down`, which takes away what its
 * `up` has made.
 */
export type Losses = 'decide' | 'run'

/** A part, and the statements that it is in SQL; a part that fails is for a person to decide. */
export type TriedPart = Part & Readonly<{ statements: readonly string[] }>

/** What a trial on a copy found. */
export type Tried = Readonly<{
  up: readonly TriedPart[]
  down: readonly TriedPart[]
  /** what no part makes, nor a decision: told, so that nothing is passed over in silence */
  left: readonly Readonly<{ object: string; what: string; expected: string | null; found: string | null }>[]
}>

/** A migration as text. */
export type Written = Readonly<{ text: string; calls: number; decisions: number }>

/** Writes a migration out of its parts. What may lose rows, or fail because of them, is a comment. */
export const writeText = (of: string, { up, down, left }: Tried, form: Form): Written => {
  const lines = left.map(({ object, what, expected, found }) => {
    const text = `${object} ${what}: ${expected ?? 'nothing'} in place of ${found ?? 'nothing'}`
    return `To decide: this migration does not change ${printable(text)}`
  })
  const calls = up.filter(({ decide }) => decide === undefined).length
  return {
    text: form.language === 'sql' ? inSql(of, up, down, lines) : inCode(of, up, down, lines, form),
    calls,
    decisions: up.length - calls + left.length,
  }
}

/** What lint would take for a mistake, and is none: the other side has it so. */
export type Meant = Readonly<{ code: string; message: string }>

/** Says of each finding of lint that it is meant, for a reason that the text of a migration cannot tell. */
export const withMeant = (text: string, meant: readonly Meant[], of: string, { language }: Form): string => {
  const codes = [...new Set(meant.map(({ code }) => code))]
  const mark = language === 'sql' ? '--' : '//'
  const lines = codes.map(code => {
    const messages = meant.filter(one => one.code === code).map(({ message }) => message)
    return `${mark} lint-ok ${code}: what differs from ${of}: ${printable(messages.join('; '))}\n`
  })
  const head = /^(?:\/\*\* |-- )Brings .*\n/m
  return text.replace(head, first => (language === 'sql' ? `${first}${lines.join('')}` : `${lines.join('')}${first}`))
}

const inCode = (
  of: string,
  up: readonly TriedPart[],
  down: readonly TriedPart[],
  left: readonly string[],
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
  return `${head}/** Brings the schema to that of ${of}. */\n${direction('up', up, left)}\n${direction('down', down, [])}`
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

const inSql = (of: string, up: readonly TriedPart[], down: readonly TriedPart[], left: readonly string[]): string => {
  // a file without a statement is refused
  const first = up.some(({ decide }) => decide === undefined)
    ? []
    : ['SELECT 1; -- does nothing until something is decided']
  return [
    `-- Brings the schema to that of ${of}.`,
    '',
    '-- migrate:up',
    ...first,
    ...up.flatMap(sqlOf),
    ...left.map(line => `-- ${line}`),
    '',
    '-- migrate:down',
    ...down.flatMap(sqlOf),
    '',
  ].join('\n')
}

const sqlOf = ({ decide, statements }: TriedPart): readonly string[] => {
  const lines = statements.flatMap(sql => `${sql};`.split('\n'))
  return decide === undefined ? lines : [`-- To decide: ${printable(decide)}`, ...lines.map(line => `-- ${line}`)]
}

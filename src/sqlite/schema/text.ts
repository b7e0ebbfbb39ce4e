import { quote, sameName, type Token, textOf, tokensOf, unquote, wordAt } from '../sql.ts'

/** A range of a text; `end` is exclusive. */
type Range = Readonly<{ start: number; end: number }>

/** The parts of a table that only its CREATE text tells, and no PRAGMA. */
export type TableText = Readonly<{
  /** the text between CREATE and the table's name: `TABLE`, `TEMP TABLE IF NOT EXISTS main .` */
  kind: string
  name: string
  /** where its name is */
  nameAt: Range
  columns: readonly ColumnText[]
  /** expressions, without CHECK and parentheses */
  checks: readonly string[]
  autoincrement: boolean
  /** constraints with a conflict clause: `hostname NOT NULL ON CONFLICT IGNORE` */
  onConflict: readonly string[]
  /** in the order of the text; `deferred` means checked at COMMIT */
  foreignKeys: readonly Readonly<{ columns: readonly string[]; deferred: boolean }>[]
  constraints: readonly Constraint[]
  /** where the last column or constraint ends */
  end: number
}>

type ColumnText = Readonly<{
  name: string
  /** from the end of its name to the end of its type */
  typeAt: Range
  /** the DEFAULT clause; of several the last one, which is in effect */
  defaultAt: Range | null
  collation: string
  /** of a generated column, without its parentheses */
  expression: string | null
}>

export type Constraint = Readonly<{
  name: string | null
  /** in the form of Cell.text: `UNIQUE ()` */
  kind: string
  /** what it is about: of a CHECK, each word of its expression */
  columns: readonly string[]
  /** the parent of a foreign key */
  parent: string | null
  /** from CONSTRAINT or the first word on */
  at: Range
  /** a foreign key's DEFERRABLE, which may stand further on */
  deferrableAt: readonly Range[]
}>

/** A token, or parentheses with their content. Its `text`: `()` for these, words in capitals, marks as they are, else `"`. */
type Cell = Readonly<{ text: string; tokens: readonly Token[] }>

/** One constraint of a column or of the table. */
type Clause = Readonly<{
  /** in the form of Cell.text, without its name: `UNIQUE ()` */
  kind: string
  cells: readonly Cell[]
  /** the column that it belongs to; null for a table constraint */
  column: string | null
  name: string | null
  /** from its name on */
  at: Range
}>

/** A pattern for any of the forms at the start of some cells. */
const startsWith = (...forms: readonly string[]): RegExp => new RegExp(`^(?:${forms.join('|')})(?= |$)`)

const createTable = startsWith('CREATE (?:TEMP |TEMPORARY )?TABLE (?:IF NOT EXISTS )?(?:\\S+ \\. )?\\S+ \\(\\)')

/** The words that end a column's type, and below those that start a table constraint: reserved, so no unquoted name is one. */
const endOfType =
  '(?:CONSTRAINT|DEFAULT|PRIMARY|NOT|NULL|UNIQUE|CHECK|COLLATE|REFERENCES|DEFERRABLE|AS|GENERATED ALWAYS AS)(?: |$)'
const tableConstraint = /^(?:CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)$/
const typed = `\\S+(?: (?!${endOfType})[^\\s()]+)`
const columnWithType = startsWith(`${typed}+ \\(\\)`, `${typed}*`)

/** https://www.sqlite.org/syntax/column-constraint.html and table-constraint.html, which differ only in their position. */
const onConflict = '(?: ON CONFLICT \\S+)?'
const action = '(?:SET \\S+|NO ACTION|\\S+)'
const constraint = startsWith(
  `(?:CONSTRAINT \\S+ )*(?:${[
    'DEFAULT (?:\\(\\)|[+-] \\S+|\\S+)',
    `PRIMARY KEY(?: \\(\\))?(?: ASC| DESC)?${onConflict}(?: AUTOINCREMENT)?`,
    `(?:NOT NULL|NULL|UNIQUE(?: \\(\\))?|CHECK \\(\\))${onConflict}`,
    'COLLATE \\S+',
    `(?:FOREIGN KEY \\(\\) )?REFERENCES \\S+(?: \\(\\))?(?: ON (?:DELETE|UPDATE|INSERT) ${action}| MATCH \\S+)*`,
    '(?:NOT )?DEFERRABLE(?: INITIALLY \\S+)?',
    '(?:GENERATED ALWAYS )?AS \\(\\)(?: VIRTUAL| STORED)?',
  ].join('|')})`,
  // SQLite accepts a name without a constraint
  'CONSTRAINT \\S+',
)

/**
 * Reads a CREATE TABLE text by SQLite's grammar.
 * @throws Error for any other text, and for CREATE TABLE ... AS SELECT, which has no list of columns
 */
export const readTableText = (createSql: string): TableText => {
  const head = take(createTable, cellsOf(tokensOf(createSql)))
  const name = head.slice(-2, -1)
  const elements = split(cellsOf(innerOf(head)))
  const end = elements.findIndex(([first]) => tableConstraint.test(String(first?.text)))
  const columns = elements.slice(0, end === -1 ? elements.length : end).map(readColumn)
  const clauses = [
    ...columns.flatMap(column => column.clauses),
    ...elements.slice(columns.length).flatMap(cells => clausesOf(cells, null)),
  ]
  const of = (kind: RegExp) => clauses.filter(clause => kind.test(clause.kind))
  return {
    kind: grammarOf(head.slice(1, -2)),
    name: nameIn(name),
    nameAt: rangeOf(name),
    columns: columns.map(({ clauses: _, ...column }) => column),
    checks: of(/^CHECK /).map(({ cells }) => textOf(innerOf(cells))),
    autoincrement: of(/^PRIMARY /).some(({ cells }) =>
      cells.some(({ tokens }) => tokens.some(({ text }) => /^AUTOINCREMENT$/i.test(text))),
    ),
    onConflict: of(/ ON CONFLICT /).map(describeOnConflict),
    foreignKeys: readForeignKeys(clauses),
    constraints: clauses.flatMap((clause, index) =>
      clause.kind === '' ? [] : readConstraint(clause, clauses.slice(index + 1)),
    ),
    end: rangeOf(elements.flat()).end,
  }
}

const readColumn = (cells: readonly Cell[]): ColumnText & Readonly<{ clauses: readonly Clause[] }> => {
  const own = take(columnWithType, cells)
  const first = own.slice(0, 1)

  const clauses = clausesOf(cells.slice(own.length), nameIn(first))
  const last = (kind: RegExp) => clauses.findLast(clause => kind.test(clause.kind))
  const collation = last(/^COLLATE /)
  const generated = last(/^(?:GENERATED|AS) /)
  const { end } = rangeOf(first)
  return {
    name: nameIn(first),
    typeAt: { start: end, end: rangeOf(own).end },
    defaultAt: last(/^DEFAULT /)?.at ?? null,
    collation: collation === undefined ? 'BINARY' : nameIn(collation.cells.slice(1)).toUpperCase(),
    expression: generated === undefined ? null : textOf(innerOf(generated.cells)),
    clauses,
  }
}

/** Splits the constraints after a column or a comma: SQLite needs no comma between two table constraints. */
const clausesOf = (cells: readonly Cell[], column: string | null): readonly Clause[] => {
  if (cells.length === 0) return []
  const all = take(constraint, cells)
  const named = all.findLastIndex(({ text }) => text === 'CONSTRAINT')
  const own = named === -1 ? all : all.slice(named + 2)
  const name = named === -1 ? null : nameIn(all.slice(named + 1))
  const first = { kind: grammarOf(own), cells: own, column, name, at: rangeOf(all) }
  return [first, ...clausesOf(cells.slice(all.length), column)]
}

const isForeignKey = ({ kind }: Readonly<{ kind: string }>): boolean => /^(?:FOREIGN|REFERENCES) /.test(kind)

/** @param next the clauses behind it */
const readConstraint = (clause: Clause, next: readonly Clause[]): Constraint => {
  const { name, kind, cells, column, at } = clause
  const otherKey = next.findIndex(isForeignKey)
  const own = isForeignKey(clause) ? next.slice(0, otherKey === -1 ? next.length : otherKey) : []
  const words = kind.startsWith('CHECK')
    ? innerOf(cells).map(({ text }) => unquote(text))
    : split(cellsOf(innerOf(cells))).map(nameIn)
  return {
    name,
    kind,
    columns: column === null || kind.startsWith('CHECK') ? words : [column],
    parent: isForeignKey(clause) ? nameIn(cells.slice(cells.findIndex(({ text }) => text === 'REFERENCES') + 1)) : null,
    at,
    deferrableAt: own.filter(other => /^(?:NOT )?DEFERRABLE/.test(other.kind)).map(other => other.at),
  }
}

/** The constraints of a CREATE TABLE text that have a name. */
export const namedConstraints = (createSql: string): readonly (Constraint & Readonly<{ name: string }>)[] =>
  readTableText(createSql).constraints.flatMap(({ name, ...rest }) => (name === null ? [] : { name, ...rest }))

/** `hostname NOT NULL ON CONFLICT IGNORE` */
const describeOnConflict = ({ cells, column }: Clause): string => {
  const clause = cells.slice(0, cells.findIndex(({ text }) => text === 'CONFLICT') + 2)
  return `${column === null ? '' : `${column} `}${textOf(clause.flatMap(({ tokens }) => tokens))}`
}

/** DEFERRABLE applies to the last foreign key before it, even if that belongs to another column. */
const readForeignKeys = (clauses: readonly Clause[]): TableText['foreignKeys'] => {
  const keys: { columns: readonly string[]; deferred: boolean }[] = []
  for (const { kind, cells, column } of clauses) {
    if (kind.startsWith('FOREIGN ')) {
      keys.push({ columns: split(cellsOf(innerOf(cells))).map(nameIn), deferred: false })
    } else if (kind.startsWith('REFERENCES ')) keys.push({ columns: [String(column)], deferred: false })
    else if (/^(?:NOT )?DEFERRABLE/.test(kind)) {
      for (const key of keys.slice(-1)) key.deferred = kind === 'DEFERRABLE INITIALLY DEFERRED'
    }
  }
  return keys
}

/** Groups tokens into cells: each token of the first one's depth, and each pair of parentheses with its content. */
const cellsOf = (tokens: readonly Token[]): readonly Cell[] => {
  const cells: { text: string; tokens: Token[] }[] = []
  for (const token of tokens) {
    if (token.depth > Number(tokens[0]?.depth) || token.text === ')') cells.at(-1)?.tokens.push(token)
    else cells.push({ text: inGrammar(token), tokens: [token] })
  }
  return cells
}

const inGrammar = ({ kind, text }: Token): string => {
  if (kind === 'mark') return text === '(' ? '()' : text
  return kind === 'word' && /^\w+$/.test(text) ? text.toUpperCase() : '"'
}

const grammarOf = (cells: readonly Cell[]): string => cells.map(({ text }) => text).join(' ')

/** The cells at the start that match a form. @throws Error if they do not */
const take = (form: RegExp, cells: readonly Cell[]): readonly Cell[] => {
  const found = form.exec(grammarOf(cells))?.[0]
  if (found !== undefined) return cells.slice(0, found.split(' ').length)
  throw new Error(`this is no CREATE TABLE with a list of columns: ${textOf(cells.flatMap(({ tokens }) => tokens))}`)
}

/** Splits cells at the commas. */
const split = (cells: readonly Cell[]): readonly (readonly Cell[])[] => {
  const comma = cells.findIndex(({ text }) => text === ',')
  return comma === -1 ? [cells] : [cells.slice(0, comma), ...split(cells.slice(comma + 1))]
}

/** The tokens inside the first parentheses. */
const innerOf = (cells: readonly Cell[]): readonly Token[] =>
  cells
    .filter(({ text }) => text === '()')
    .slice(0, 1)
    .flatMap(({ tokens }) => tokens.slice(1, -1))

const nameIn = ([first]: readonly Cell[]): string => unquote(String(first?.tokens[0]?.text))

const rangeOf = (cells: readonly Cell[]): Range => ({
  start: Number(cells[0]?.tokens[0]?.start),
  end: Number(cells.at(-1)?.tokens.at(-1)?.end),
})

/** Adds a constraint at the end of a CREATE TABLE text. */
export const withConstraint = (createSql: string, constraint: string): string => {
  const { end } = readTableText(createSql)
  return replace(createSql, { start: end, end }, `, ${constraint}`)
}

/** Removes a constraint from a CREATE TABLE text. @param constraint as readTableText gives it */
export const withoutConstraint = (createSql: string, { at, deferrableAt }: Constraint): string => {
  // from the last to the first, so that the other positions stay valid
  const own = deferrableAt.reduceRight((sql, range) => replace(sql, range, ''), createSql)
  const tokens = tokensOf(own)
  const before = tokens.findLast(({ start }) => start < at.start)
  const after = tokens.find(({ start }) => start >= at.end)
  // a comma before it goes along, unless it stays before another constraint, for SQLite needs none between two
  const isAlone = after === undefined || after.text === ',' || after.text === ')'
  return replace(own, { start: before?.text === ',' && isAlone ? before.start : at.start, end: at.end }, '')
}

/** A foreign key's actions; undefined for one that stays. */
export type KeyActions = Readonly<{ onDelete?: string | undefined; onUpdate?: string | undefined }>

/** Changes the actions of a foreign key in a CREATE TABLE text. @param constraint as readTableText gives it */
export const withActions = (createSql: string, { at }: Constraint, { onDelete, onUpdate }: KeyActions): string => {
  const changed = [
    ...(onDelete === undefined ? [] : [['DELETE', onDelete] as const]),
    ...(onUpdate === undefined ? [] : [['UPDATE', onUpdate] as const]),
  ]
  const tokens = tokensOf(createSql).filter(({ start }) => start >= at.start && start < at.end)
  const word = (index: number): string => wordAt(tokens, index).toUpperCase()
  const isOn = (index: number, event: string): boolean =>
    word(index) === 'ON' && word(index + 1) === event && tokens[index]?.depth === tokens[0]?.depth
  const old = tokens.flatMap((_, index): readonly Range[] => {
    if (!changed.some(([event]) => isOn(index, event))) return []
    const last = index + (word(index + 2) === 'SET' || word(index + 2) === 'NO' ? 3 : 2)
    return [{ start: Number(tokens[index - 1]?.end), end: Number(tokens[last]?.end) }]
  })
  const added = changed.map(([event, action]) => ` ON ${event} ${action}`).join('')
  return old.reduceRight(
    (sql, range) => replace(sql, range, ''),
    replace(createSql, { start: at.end, end: at.end }, added),
  )
}

/**
 * Renames the table in a CREATE TABLE text, and makes it plain (not TEMP, no IF NOT EXISTS). Removes the old name before columns
 * in a CHECK (`servers.watts > 0`), which can only name columns of its own table.
 */
export const withName = (createSql: string, name: string): string => {
  const { name: old, nameAt } = readTableText(createSql)
  const tokens = tokensOf(createSql).filter(({ start }) => start >= nameAt.end)
  const qualifiers = tokens.flatMap(({ text, start }, index) =>
    wordAt(tokens, index + 1) === '.' && sameName(unquote(text), old)
      ? { start, end: Number(tokens[index + 2]?.start) }
      : [],
  )
  // from the last to the first, so that the other positions stay valid
  const body = qualifiers.reduceRight((sql, qualifier) => replace(sql, qualifier, ''), createSql)
  return `CREATE TABLE ${quote(name)}${body.slice(nameAt.end)}`
}

export type ColumnChange = Readonly<{
  /** a type name in SQL */
  type?: string | undefined
  /** a whole clause: `DEFAULT 5` */
  fallback?: string | undefined
}>

/**
 * Changes the type or default of one column in a CREATE TABLE text; everything else stays as written.
 * @throws Error if there is no such column
 */
export const withColumnChanged = (createSql: string, column: string, { type, fallback }: ColumnChange): string => {
  const found = readTableText(createSql).columns.find(({ name }) => sameName(name, column))
  if (found === undefined) throw new Error(`there is no column ${column}`)
  // the later one first, so that the other position stays valid
  const withFallback = fallback === undefined ? createSql : replace(createSql, defaultOf(found), ` ${fallback}`)
  return type === undefined ? withFallback : replace(withFallback, found.typeAt, ` ${type}`)
}

/** The range of a DEFAULT clause, or the place to insert one. */
const defaultOf = ({ defaultAt, typeAt }: ColumnText): Range => defaultAt ?? { start: typeAt.end, end: typeAt.end }

const replace = (text: string, { start, end }: Range, by: string): string => text.slice(0, start) + by + text.slice(end)

/**
 * A model of a database, with tables as lists of rows, that shares no code with src: what is in a cell is written as SQLite's quote()
 * writes it. Cells belong to a column, so a column that is renamed keeps them, and a row is known by a number that nothing else has.
 */
export type Column = {
  readonly id: number
  name: string
  type: string
  /** an SQL literal; null for none */
  fallback: string | null
}
export type Row = { readonly id: number; readonly born: number; cells: Readonly<Record<number, string>> }

export const kinds = [
  'INTEGER',
  'AUTOINCREMENT',
  'DESC',
  'TEXT',
  'composite',
  'WITHOUT ROWID',
  'NOCASE',
  'none',
  'fts5',
] as const
export type Kind = (typeof kinds)[number]

export const actions = ['NO ACTION', 'RESTRICT', 'CASCADE', 'SET NULL', 'SET DEFAULT'] as const
export type Reference = {
  /** the column of the child, by its id */
  readonly column: number
  parent: string
  to: string
  readonly onDelete: (typeof actions)[number]
  readonly onUpdate: (typeof actions)[number]
}

export type Table = {
  readonly id: number
  readonly kind: Kind
  readonly strict: boolean
  name: string
  /** the first is the key, then come tag, n and x */
  columns: Column[]
  rows: Row[]
  /** of a column that nobody writes: tag || '!' */
  generated: 'VIRTUAL' | 'STORED' | null
  reference: Reference | null
  /** names of indexes, and of a trigger that writes each deleted tag into the log */
  indexes: { name: string; sql: (table: Table) => string }[]
  trigger: string | null
  view: string | null
  /** the highest key that AUTOINCREMENT gave */
  mark: number
}

export type World = { tables: Table[]; log: string[] }

export const copyOf = (world: World): World => ({
  log: [...world.log],
  tables: world.tables.map(table => ({
    ...table,
    columns: table.columns.map(column => ({ ...column })),
    rows: table.rows.map(row => ({ ...row })),
    reference: table.reference === null ? null : { ...table.reference },
    indexes: [...table.indexes],
  })),
})

const fold = (name: string): string => name.replaceAll(/[A-Z]/g, letter => letter.toLowerCase())
export const isSame = (a: string, b: string): boolean => fold(a) === fold(b)
export const tableOf = ({ tables }: World, name: string): Table | undefined =>
  tables.find(table => isSame(table.name, name))

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A name in some case, and in some quotes where it needs them or not. */
export const spell = (name: string, how: number): string => {
  const cased = inCase(name, how)
  if (how % 2 === 1 && /^[a-z]\w*$/i.test(cased) && !/^(?:order|check)$/i.test(cased)) return cased
  if (how % 5 === 2 && !cased.includes(']')) return `[${cased}]`
  if (how % 5 === 3 && !cased.includes('`')) return `\`${cased}\``
  return quote(cased)
}
export const inCase = (name: string, how: number): string => {
  if (how % 3 === 0) return name
  return name.replaceAll(how % 3 === 1 ? /[a-z]/g : /[A-Z]/g, letter =>
    how % 3 === 1 ? letter.toUpperCase() : letter.toLowerCase(),
  )
}

/** What a column of this type makes of a value: https://www.sqlite.org/datatype3.html#type_affinity */
export const stored = (value: string, { type }: Column): string =>
  /^(?:TEXT|VARCHAR)/.test(type) && /^-?[\d.]/.test(value) ? `'${value}'` : value

export const key = ({ columns }: Table): Column => at(columns, 0)
export const tag = ({ columns }: Table): Column => at(columns, 1)
export const number = ({ columns }: Table): Column => at(columns, 2)
export const any = ({ columns }: Table): Column => at(columns, 3)
const at = <T>(all: readonly T[], index: number): T => {
  const found = all[index]
  if (found === undefined) throw new Error(`there is no ${index} in ${JSON.stringify(all)}`)
  return found
}

export const isTextKey = (kind: Kind): boolean => /TEXT|composite|WITHOUT|NOCASE/.test(kind)
/** A row of these is told from another one by its values alone. */
export const isLoose = ({ kind }: Table): boolean => kind === 'none' || kind === 'fts5'

export const cell = (row: Row, column: Column): string => row.cells[column.id] ?? 'NULL'
export const change = (row: Row, column: Column, value: string): void => {
  row.cells = { ...row.cells, [column.id]: stored(value, column) }
}

/** CREATE TABLE under this name. */
export const createSql = (table: Table, name: string, how: number): string => {
  const { kind, strict, generated, reference } = table
  const q = ({ name }: Column) => spell(name, how)
  const [k, t, n] = [key(table), tag(table), number(table)]
  if (kind === 'fts5') return `CREATE VIRTUAL TABLE ${name} USING fts5(${table.columns.map(q).join(', ')})`
  const keyed: Readonly<Record<Exclude<Kind, 'fts5'>, string>> = {
    INTEGER: 'INTEGER PRIMARY KEY',
    AUTOINCREMENT: 'INTEGER PRIMARY KEY AUTOINCREMENT',
    DESC: 'INTEGER PRIMARY KEY DESC',
    TEXT: 'TEXT PRIMARY KEY',
    composite: 'TEXT',
    'WITHOUT ROWID': 'TEXT PRIMARY KEY',
    NOCASE: 'TEXT COLLATE NOCASE PRIMARY KEY',
    none: strict ? 'INTEGER' : '',
  }
  const parts = [
    `${q(k)} ${keyed[kind]}`,
    `${q(t)} TEXT UNIQUE`,
    `${q(n)} INTEGER CHECK (${q(n)} >= 0)`,
    ...table.columns
      .slice(3)
      .map(column => `${q(column)} ${column.type}${column.fallback === null ? '' : ` DEFAULT ${column.fallback}`}`),
    ...(generated === null ? [] : [`made ${strict ? 'TEXT' : ''} AS (${q(t)} || '!') ${generated}`]),
    ...(kind === 'composite' ? [`one ${strict ? 'INTEGER' : ''} DEFAULT 1`, `PRIMARY KEY (${q(k)}, one)`] : []),
    ...(reference === null
      ? []
      : [
          `FOREIGN KEY (${table.columns.filter(({ id }) => id === reference.column).map(q)}) REFERENCES ${spell(reference.parent, how)} (${spell(reference.to, how)})
           ON DELETE ${reference.onDelete} ON UPDATE ${reference.onUpdate}`,
        ]),
  ]
  const options = [...(kind === 'WITHOUT ROWID' ? ['WITHOUT ROWID'] : []), ...(strict ? ['STRICT'] : [])]
  return `CREATE TABLE ${name} (${parts.join(', ')}) ${options.join(', ')}`
}

/** All that makes the world in an empty database. */
export const makeSql = (world: World): readonly string[] => [
  'CREATE TABLE log (what TEXT)',
  ...world.tables.flatMap((table, how) => [
    createSql(table, quote(table.name), how),
    ...table.rows.map(row => insertSql(table, row, quote(table.name), 'INSERT')),
    ...table.indexes.map(({ sql }) => sql(table)),
    ...(table.trigger === null ? [] : [triggerSql(table)]),
    ...(table.view === null ? [] : [viewSql(table)]),
  ]),
]

export const insertSql = (table: Table, row: Row, into: string, how: string): string =>
  `${how} INTO ${into} (${table.columns.map(({ name }) => quote(name)).join(', ')})
   VALUES (${table.columns.map(column => cell(row, column)).join(', ')})`
export const triggerSql = (table: Table): string =>
  `CREATE TRIGGER ${quote(String(table.trigger))} AFTER DELETE ON ${quote(table.name)} BEGIN INSERT INTO log VALUES (old.${quote(tag(table).name)}); END`
export const viewSql = (table: Table): string =>
  `CREATE VIEW ${quote(String(table.view))} AS SELECT ${quote(tag(table).name)} AS seen FROM ${quote(table.name)}`

/** Everything that the model says is in the database, and the queries that read the same of it. */
export const expectedOf = (
  world: World,
): readonly Readonly<{ what: string; sql: string; rows: readonly string[] }>[] => [
  { what: 'log', sql: 'SELECT quote(what) FROM log', rows: world.log.toSorted() },
  {
    what: 'objects',
    sql: `SELECT name FROM sqlite_schema WHERE type IN ('table', 'view', 'trigger', 'index') AND name NOT LIKE 'sqlite%'
      AND name NOT IN ('log', 'SequelizeMeta') AND tbl_name NOT IN
        (SELECT s.name FROM sqlite_schema AS s JOIN pragma_table_list AS l ON l.name = s.name WHERE l.type = 'shadow')`,
    rows: world.tables
      .flatMap(({ name, indexes, trigger, view }) => [
        name,
        ...indexes.map(index => index.name),
        ...(trigger === null ? [] : [trigger]),
        ...(view === null ? [] : [view]),
      ])
      .toSorted(),
  },
  ...world.tables.map(table => {
    const { name, columns, generated, rows } = table
    const values = [
      ...columns.map(column => `quote(${quote(column.name)})`),
      ...(generated === null ? [] : ['quote(made)']),
    ]
    return {
      what: name,
      sql: `SELECT ${values.join(" || ' ' || ")} FROM ${quote(name)}`,
      rows: rows
        .map(row =>
          [
            ...columns.map(column => cell(row, column)),
            ...(generated === null ? [] : [cell(row, tag(table)).replace(/'$/, "!'")]),
          ].join(' '),
        )
        .toSorted(),
    }
  }),
  ...world.tables
    .filter(({ kind }) => kind === 'AUTOINCREMENT')
    .map(({ name, mark }) => ({
      what: `mark of ${name}`,
      sql: `SELECT max(seq, 0) FROM sqlite_sequence WHERE name = ${literal(name)} COLLATE NOCASE UNION ALL
        SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ${literal(name)} COLLATE NOCASE)`,
      rows: [String(mark)],
    })),
]

/** Rows of a child that have no parent, as `child row value`. */
export const orphansIn = (world: World): readonly string[] =>
  world.tables.flatMap(table => {
    const { reference } = table
    if (reference === null) return []
    const parent = tableOf(world, reference.parent)
    const to = parent?.columns.find(({ name }) => isSame(name, reference.to))
    const column = table.columns.find(({ id }) => id === reference.column)
    if (column === undefined) return []
    return table.rows
      .filter(row => cell(row, column) !== 'NULL')
      .filter(row => to === undefined || !parent?.rows.some(one => isSameKey(parent, cell(one, to), cell(row, column))))
      .map(row => `${table.id} ${row.id} ${cell(row, column)}`)
  })

export const isSameKey = ({ kind }: Table, a: string, b: string): boolean =>
  kind === 'NOCASE' ? isSame(a, b) : a === b

/** What is drawn of a schema, of whatever engine. */
export type Drawing = Readonly<{
  tables: readonly DrawnTable[]
  views: readonly Readonly<{ name: string; sql: string }>[]
  triggers: readonly Readonly<{ name: string; table: string; sql: string }>[]
}>

export type DrawnTable = Readonly<{
  name: string
  /** its CREATE text, in place of its columns; null for a table whose columns are known */
  text: string | null
  columns: readonly DrawnColumn[]
  foreignKeys: readonly Readonly<{ columns: readonly string[]; parent: string }>[]
  /** the columns of each unique index of all rows */
  uniques: readonly (readonly string[])[]
  details: readonly Note[]
}>

export type DrawnColumn = Readonly<{
  name: string
  type: string
  /** SQLite's; null on a server */
  affinity: string | null
  notNull: boolean
  default: string | null
  /** its place in the primary key, from 1; 0 if it is not in it */
  key: number
  computed: boolean
  /** besides its place in the key */
  notes: readonly Note[]
}>

/** Words, with a code behind them where there is one. */
export type Note = string | Readonly<{ before: string; code: string; after?: Note }>

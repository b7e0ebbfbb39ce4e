/** What a verb gets when its step comes: the table and the row it is about, how to spell them, and how to say what happens. */
import {
  any,
  type Column,
  inCase,
  isLoose,
  key,
  number,
  quote,
  type Row,
  spell,
  type Table,
  tableOf,
  tag,
  viewSql,
  type World,
} from '../world.ts'
import { tagOf } from './model.ts'
import { createScript, editorOnly, type Script } from './script.ts'
import { fail, type Migration, openTransactions } from './story.ts'
import { newRow, nothing, pick, type Value, values } from './values.ts'

/** What chance decides about a step, whatever its verb. */
export type Dice = Readonly<{
  table: number
  row: number
  other: number
  how: number
  value: number
  /** 0 for no transaction, 1 for the innermost one, 2 for the outermost one */
  inside: number
  caught: boolean
}>

type Words = Readonly<{ table: string; key: string; tag: string; number: string; any: string }>

export type Scene = Script &
  Readonly<{
    migration: Migration
    world: World
    born: number
    dice: Dice
    how: number
    table: Table
    isVirtual: boolean
    row: Row | undefined
    /** another table, or the same one */
    second: Table | undefined
    value: Value
    /** in SQL, in some case and quotes */
    sql: Words
    /** as Sequelize gets them: the table in some case, columns as they are */
    names: Words
    /** the table as Sequelize takes it: a name with a dot is a schema and a table */
    target: string | Readonly<{ schema: string; tableName: string }>
    /** a column in SQL, as in `sql` */
    q: (column: Column) => string
    /** finds the row by its tag */
    where: (row: Row) => string
    /** a number that nothing else has */
    next: () => number
    /** a row that is not in the table yet */
    fresh: () => Row
    fail: (why: string) => void
    /** Rows of some tables are told apart by their values alone, which have changed. */
    doubt: () => void
    /** The model leaves open whether rows may go that an earlier migration of the same run inserted. */
    doubtLossOf: (rows: readonly Row[]) => void
    /** Ends the migration, whatever it catches: what comes after it must not be stored. */
    breakOff: (why: string, sql: string) => void
  }>

export type Verb = (scene: Scene) => void

/** Plays a step, unless the migration has failed or no table is left. */
export const playStep = (migration: Migration, verb: Verb, dice: Dice): void => {
  const table = pick(migration.story.world.tables, dice.table)
  if (migration.story.fails === undefined && table !== undefined) verb(createScene(migration, dice, table))
}

const createScene = (migration: Migration, dice: Dice, table: Table): Scene => {
  const { story, born } = migration
  const { world, next } = story
  const { how } = dice
  const transactions = openTransactions(migration)
  const owner = [undefined, transactions.at(-1), transactions.at(0)][dice.inside]?.owner ?? 0
  const script = createScript(migration, owner, dice.caught)
  const q = (column: Column): string => spell(column.name, how)
  const names = wordsOf(inCase(table.name, how), table, ({ name }) => name)
  const sql = wordsOf(spell(table.name, how), table, q)
  const value = pick(values, dice.value) ?? nothing
  return {
    ...script,
    ...{ migration, world, born, dice, how, table, value, sql, names, q, next },
    isVirtual: table.kind === 'fts5',
    row: pick(table.rows, dice.row),
    second: pick(world.tables, dice.other),
    target: targetOf(names.table),
    where: row => `WHERE ${sql.tag} = ${tagOf(table, row)}`,
    fresh: () => newRow(table, next(), born, value),
    fail: why => fail(migration, why),
    doubt: () => {
      if (isLoose(table)) story.isUnsure = true
    },
    doubtLossOf: rows => {
      if (rows.some(row => row.born > 0 && row.born < born)) story.isUnsure = true
    },
    breakOff: (why, harm) => {
      fail(migration, why)
      for (const text of [harm, `DELETE FROM ${quote(table.name)}`, `CREATE TABLE behind (x)`])
        script.act(
          `caught: ${text}`,
          on => on.schema.sequelize.query(text, script.within(on)).catch(() => undefined),
          editorOnly,
        )
    },
  }
}

const wordsOf = (name: string, table: Table, word: (column: Column) => string): Words => ({
  table: name,
  ...{ key: word(key(table)), tag: word(tag(table)), number: word(number(table)), any: word(any(table)) },
})

const targetOf = (name: string): Scene['target'] => {
  const [schema, ...rest] = name.split('.')
  return rest.length === 1 ? { schema: String(schema), tableName: String(rest[0]) } : name
}

/** A view would be in the way of ALTER TABLE while its table is not there. */
export const withoutView = ({ world, table, say }: Scene, work: () => void): void => {
  const { view } = table
  if (view !== null) say(`DROP VIEW ${quote(view)}`)
  work()
  if (view !== null && tableOf(world, table.name) === table) say(viewSql(table))
}

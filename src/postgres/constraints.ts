import type { ConstraintOf } from '../engine.ts'
import type { Connection } from './connect.ts'
import { quote } from './sql.ts'

/** What a definition in Sequelize says of a column's foreign key, with the parent's whole name. */
export type WantedKey = Readonly<{
  to?: Readonly<{ parent: string; column: string }> | undefined
  onDelete?: string | undefined
  onUpdate?: string | undefined
}>

type Run = (sql: string) => Promise<void>

type Key = Readonly<{
  name: string
  whole_name: string
  parent: string
  parent_column: string
  on_delete: string
  on_update: string
  is_full: boolean
  suffix: string
}>

const kinds: Readonly<Record<string, string>> = { UNIQUE: 'u', 'FOREIGN KEY': 'f', CHECK: 'c' }

/**
 * Removes each UNIQUE, foreign key or CHECK of some columns, in any order.
 * @param table its whole name
 * @throws Error if there is none such
 */
export const removeDescribed = async (
  { rows }: Connection,
  run: Run,
  table: string,
  { type, fields }: ConstraintOf,
  parent: string | undefined,
): Promise<void> => {
  const kind = kinds[String(type).toUpperCase()]
  if (kind === undefined || !Array.isArray(fields) || fields.length === 0) {
    const sample = "{ type: 'unique', fields: ['name'] }"
    throw new Error(
      `removeConstraint of ${table} takes a name, or columns as in ${sample}, with unique, foreign key or check; a primary key goes by its name`,
    )
  }
  const found = await rows<{ name: string }>(
    `SELECT conname AS name FROM pg_constraint
     WHERE conrelid = to_regclass($1) AND contype = $2 AND ($4::text IS NULL OR confrelid = to_regclass($4))
       AND (SELECT array_agg(attname::text ORDER BY attname::text COLLATE "C") FROM pg_attribute
            WHERE attrelid = conrelid AND attnum = ANY (conkey))
         = (SELECT array_agg(DISTINCT name COLLATE "C" ORDER BY name COLLATE "C") FROM unnest($3::text[]) AS name)`,
    [table, kind, fields, parent ?? null],
  )
  if (found.length === 0) {
    const there = await rows<{ text: string }>(
      `SELECT conname || ' ' || pg_get_constraintdef(oid) AS text FROM pg_constraint
       WHERE conrelid = to_regclass($1) AND contype IN ('u', 'f', 'c') ORDER BY conname COLLATE "C"`,
      [table],
    )
    const are = there.length === 0 ? 'none' : there.map(({ text }) => text).join(', ')
    const index = kind === 'u' ? '; a unique index is removed by removeIndex' : ''
    throw new Error(`${table} has no ${String(type).toLowerCase()} of ${fields.join(', ')}; there is ${are}${index}`)
  }
  for (const { name } of found) await run(`ALTER TABLE ${table} DROP CONSTRAINT ${quote(name)}`)
}

/**
 * Gives a column's foreign key other actions, under the name that it has. Sequelize adds a second one beside it.
 * @returns whether the column has such a key: if not, and one is asked for, it is yet to be added
 * @throws Error if the column's key leads elsewhere, or if actions are asked for and there is no key to have them
 */
export const changeKey = async (
  { rows }: Connection,
  run: Run,
  table: string,
  column: string,
  { to, onDelete, onUpdate }: WantedKey,
): Promise<boolean> => {
  const keys = await rows<Key & Readonly<{ leads_there: boolean }>>(
    `SELECT c.conname AS name, format('%I.%I', s.nspname, c.conname) AS whole_name, format('%I.%I', n.nspname, p.relname) AS parent, b.attname AS parent_column,
       c.confmatchtype = 'f' AS is_full, ${action('confdeltype')} AS on_delete, ${action('confupdtype')} AS on_update,
       CASE WHEN c.condeferrable THEN ' DEFERRABLE' ELSE '' END || CASE WHEN c.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END
         || CASE WHEN c.convalidated THEN '' ELSE ' NOT VALID' END AS suffix,
       $3::text IS NULL OR (p.oid = to_regclass($3) AND b.attname = $4) AS leads_there
     FROM pg_constraint AS c JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
       JOIN pg_namespace AS s ON s.oid = c.connamespace
       JOIN pg_class AS p ON p.oid = c.confrelid JOIN pg_namespace AS n ON n.oid = p.relnamespace
       JOIN pg_attribute AS b ON b.attrelid = c.confrelid AND c.confkey = ARRAY[b.attnum]
     WHERE c.conrelid = to_regclass($1) AND c.contype = 'f' AND a.attname = $2 ORDER BY c.conname COLLATE "C"`,
    [table, column, to?.parent ?? null, to?.column ?? null],
  )
  const there = keys.filter(({ leads_there }) => leads_there)
  if (there.length === 0) {
    const place = `changeColumn of ${table}.${quote(column)}`
    if (keys[0] !== undefined) {
      const first = `removeConstraint(table, '${keys[0].name}')`
      const is = `${keys[0].name} to ${keys[0].parent} (${keys[0].parent_column})`
      throw new Error(`${place} cannot turn its foreign key ${is} elsewhere: use ${first} first`)
    }
    if (to !== undefined) return false
    const sample = "{ type, references: { model: 'parents', key: 'id' }, onDelete: 'CASCADE' }"
    throw new Error(`${place}, which has no foreign key, needs one to give it an action: ${sample}`)
  }
  for (const key of there) {
    const [deletes, updates] = [onDelete?.toUpperCase() ?? key.on_delete, onUpdate?.toUpperCase() ?? key.on_update]
    if (deletes === key.on_delete && updates === key.on_update) continue
    // otherwise a table with rows that are yet to be checked cannot be altered; the new key checks all of them anyway
    if (key.suffix.includes('DEFERRABLE')) await run(`SET CONSTRAINTS ${key.whole_name} IMMEDIATE`)
    await run(`ALTER TABLE ${table} DROP CONSTRAINT ${quote(key.name)}`)
    await run(
      `ALTER TABLE ${table} ADD CONSTRAINT ${quote(key.name)} FOREIGN KEY (${quote(column)}) REFERENCES ${key.parent}
       (${quote(key.parent_column)})${key.is_full ? ' MATCH FULL' : ''} ON DELETE ${deletes} ON UPDATE ${updates}${key.suffix}`,
    )
  }
  return true
}

const action = (column: string): string =>
  `CASE c.${column} WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT'
     ELSE 'NO ACTION' END`

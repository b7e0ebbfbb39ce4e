import type { SchemaObject } from '../engine.ts'
import { historyTable } from '../history.ts'
import { notOfExtension } from './catalog.ts'
import type { Connection } from './connect.ts'
import { quote } from './sql.ts'

/** A column as the catalog has it. */
export type Column = Readonly<{
  table: string
  /** stays through renames */
  number: number
  name: string
  type: string
  /** of another collation than its type's; null otherwise */
  collation: string | null
  required: boolean
  /** an expression: a default, or what a generated column is computed from */
  expression: string | null
  generated: '' | 's' | 'v'
  identity: '' | 'a' | 'd'
}>

/** A constraint but for NOT NULL, which a column says. */
export type Constraint = Readonly<{
  table: string
  name: string
  kind: 'p' | 'u' | 'f' | 'c' | 'x'
  definition: string
  columns: readonly string[]
  /** of a foreign key */
  parent: string | null
  parentColumns: readonly string[]
}>

/** A table with everything that its CREATE TABLE would say. */
export type Table = Readonly<{
  /** stays through renames */
  oid: number
  name: string
  columns: readonly Column[]
  constraints: readonly Constraint[]
  end: string
}>

/**
 * The objects of the schema that are not an extension's, sorted by name, each with a statement that would make it. Names of the
 * schema itself are left out, so that the same tables in another one read the same.
 */
export const readObjects = async (connection: Connection): Promise<readonly SchemaObject[]> => {
  const tables = (await readTables(connection)).map(table => {
    return { type: 'table', name: table.name, table: table.name, sql: createTable(table) }
  })
  const others = await readOthers(connection)
  return sortObjects([...tables, ...others])
}

/** The catalog gives them in the order in which they lie there, which VACUUM changes; a trigger of one name may be on two tables. */
export const sortObjects = (objects: readonly SchemaObject[]): readonly SchemaObject[] =>
  objects.toSorted((a, b) => compare(a.name, b.name) || compare(a.type, b.type) || compare(a.table, b.table))

/** The tables of the hub, and what is around them: without the history. */
export type ServerSchema = Readonly<{ tables: readonly Table[]; others: readonly SchemaObject[] }>

export const readServerSchema = async (connection: Connection): Promise<ServerSchema> => ({
  tables: (await readTables(connection)).filter(({ name }) => name !== historyTable),
  others: (await readOthers(connection)).filter(({ table }) => table !== historyTable),
})

const readOthers = (connection: Connection): Promise<readonly SchemaObject[]> =>
  connection.rows<SchemaObject>(otherObjects, [connection.address.schema])

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

/** SQL of the names of a table's columns with these numbers, in that order. */
export const namesOf = (table: string, numbers: string): string =>
  `ARRAY(SELECT a.attname::text FROM unnest(${numbers}) WITH ORDINALITY AS u (number, place)
     JOIN pg_attribute AS a ON a.attrelid = ${table} AND a.attnum = u.number ORDER BY u.place)`

export const readTables = async (connection: Connection): Promise<readonly Table[]> => {
  const values = [connection.address.schema]
  const tables = await connection.rows<Pick<Table, 'oid' | 'name' | 'end'>>(
    `SELECT c.oid::int8 AS oid, c.relname AS name, concat(
       ' INHERITS (' || (SELECT string_agg(quote_ident(p.relname), ', ' ORDER BY i.inhseqno)
         FROM pg_inherits AS i JOIN pg_class AS p ON p.oid = i.inhparent WHERE i.inhrelid = c.oid) || ')',
       ' ' || pg_get_expr(c.relpartbound, c.oid), ' PARTITION BY ' || pg_get_partkeydef(c.oid),
       CASE c.relpersistence WHEN 'u' THEN ' UNLOGGED' END, ' WITH (' || array_to_string(c.reloptions, ', ') || ')') AS end
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND ${notOfExtension('pg_class', 'c.oid')}
     ORDER BY c.relname COLLATE "C"`,
    values,
  )
  const columns = await connection.rows<Column>(
    `SELECT c.relname AS table, a.attnum AS number, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN a.attcollation <> t.typcollation THEN quote_ident(l.collname) END AS collation,
       a.attnotnull AS required, pg_get_expr(d.adbin, d.adrelid) AS expression,
       a.attgenerated::text AS generated, a.attidentity::text AS identity
     FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
       JOIN pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
       LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    values,
  )
  const constraints = await connection.rows<Constraint>(
    `SELECT c.relname AS table, k.conname AS name, k.contype::text AS kind, pg_get_constraintdef(k.oid) AS definition,
       ${namesOf('k.conrelid', 'k.conkey')} AS columns, ${namesOf('k.confrelid', 'k.confkey')} AS "parentColumns",
       (SELECT r.relname FROM pg_class AS r WHERE r.oid = k.confrelid) AS parent
     FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND k.contype IN ('p', 'u', 'f', 'c', 'x')
     ORDER BY position(k.contype::text IN 'pufcx'), k.conname COLLATE "C"`,
    values,
  )
  const isOf =
    ({ name }: Readonly<{ name: string }>) =>
    (part: Readonly<{ table: string }>) =>
      part.table === name
  return tables.map(table => ({
    ...table,
    columns: columns.filter(isOf(table)),
    constraints: constraints.filter(isOf(table)),
  }))
}

const createTable = ({ name, columns, constraints, end }: Table): string => {
  const lines = [
    ...columns.map(columnText),
    ...constraints.map(constraint => `CONSTRAINT ${quote(constraint.name)} ${constraint.definition}`),
  ]
  return `CREATE TABLE ${quote(name)} (\n  ${lines.join(',\n  ')}\n)${end}`
}

/** A column's definition in one line, without its name: `bigint DEFAULT 0 NOT NULL`. */
export const describeColumn = (column: Column): string => columnText(column).slice(quote(column.name).length + 1)

const columnText = ({ name, type, collation, required, expression, generated, identity }: Column): string => {
  const parts = [
    `${quote(name)} ${type}`,
    ...(collation === null ? [] : [`COLLATE ${collation}`]),
    ...(identity === '' ? [] : [`GENERATED ${identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY`]),
    ...(generated === '' ? [] : [`GENERATED ALWAYS AS (${expression}) ${generated === 's' ? 'STORED' : 'VIRTUAL'}`]),
    ...(generated === '' && expression !== null ? [`DEFAULT ${expression}`] : []),
    ...(required ? ['NOT NULL'] : []),
  ]
  return parts.join(' ')
}

/** Everything but tables, each with the statement that the server writes for it. Sequences of columns belong to their table. */
const otherObjects = `
  WITH n AS (SELECT oid FROM pg_namespace WHERE nspname = $1)
  SELECT 'index' AS type, i.relname AS name, c.relname AS table, pg_get_indexdef(i.oid, 0, true) ||
      CASE WHEN x.indisvalid THEN '' ELSE ' -- invalid' END AS sql
    FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS c ON c.oid = x.indrelid
    WHERE i.relnamespace IN (SELECT oid FROM n) AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.oid
      AND k.contype IN ('p', 'u', 'x')) AND ${notOfExtension('pg_class', 'c.oid')}
  UNION ALL SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, c.relname, c.relname,
      'CREATE ' || CASE c.relkind WHEN 'v' THEN 'VIEW ' ELSE 'MATERIALIZED VIEW ' END || quote_ident(c.relname) || ' AS' || chr(10) ||
      rtrim(pg_get_viewdef(c.oid), ';')
    FROM pg_class AS c WHERE c.relnamespace IN (SELECT oid FROM n) AND c.relkind IN ('v', 'm')
      AND ${notOfExtension('pg_class', 'c.oid')}
  UNION ALL SELECT 'sequence', c.relname, c.relname, 'CREATE SEQUENCE ' || quote_ident(c.relname) || ' AS ' ||
      format_type(s.seqtypid, NULL) || ' INCREMENT ' || s.seqincrement || ' MINVALUE ' || s.seqmin || ' MAXVALUE ' || s.seqmax ||
      ' START ' || s.seqstart || CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END
    FROM pg_class AS c JOIN pg_sequence AS s ON s.seqrelid = c.oid
    WHERE c.relnamespace IN (SELECT oid FROM n) AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass
      AND d.objid = c.oid AND d.deptype IN ('i', 'e'))
  UNION ALL SELECT 'trigger', t.tgname, c.relname, pg_get_triggerdef(t.oid, true)
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE c.relnamespace IN (SELECT oid FROM n) AND NOT t.tgisinternal
  UNION ALL SELECT 'policy', p.polname, c.relname, concat('CREATE POLICY ', quote_ident(p.polname), ' ON ', quote_ident(c.relname),
      CASE WHEN NOT p.polpermissive THEN ' AS RESTRICTIVE' END, ' FOR ', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
      ' TO ' || (SELECT string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname) FROM pg_roles AS r WHERE r.oid = ANY (p.polroles)),
      ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' ||
      pg_get_expr(p.polwithcheck, p.polrelid) || ')')
    FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid WHERE c.relnamespace IN (SELECT oid FROM n)
  UNION ALL SELECT 'function', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', p.proname,
      pg_get_functiondef(p.oid)
    FROM pg_proc AS p WHERE p.pronamespace IN (SELECT oid FROM n) AND p.prokind IN ('f', 'p')
      AND ${notOfExtension('pg_proc', 'p.oid')}
  UNION ALL SELECT 'type', t.typname, t.typname, 'CREATE TYPE ' || quote_ident(t.typname) || ' AS ENUM (' ||
      (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid) || ')'
    FROM pg_type AS t WHERE t.typnamespace IN (SELECT oid FROM n) AND t.typtype = 'e' AND ${notOfExtension('pg_type', 't.oid')}
  UNION ALL SELECT 'domain', t.typname, t.typname, 'CREATE DOMAIN ' || quote_ident(t.typname) || ' AS ' ||
      format_type(t.typbasetype, t.typtypmod) || coalesce(' DEFAULT ' || t.typdefault, '') ||
      CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END ||
      coalesce((SELECT string_agg(' ' || pg_get_constraintdef(k.oid), '' ORDER BY k.conname) FROM pg_constraint AS k
        WHERE k.contypid = t.oid), '')
    FROM pg_type AS t WHERE t.typnamespace IN (SELECT oid FROM n) AND t.typtype = 'd' AND ${notOfExtension('pg_type', 't.oid')}`

import { Failure } from '../failure.ts'
import type { Connection } from './connect.ts'
import { quote } from './sql.ts'

/**
 * Checks before any change that this user may create tables in the schema and owns the existing ones: since PostgreSQL 15 a
 * plain user may not create in `public`, and only an owner may alter a table.
 * @throws Failure PRIVILEGE_MISSING with the statement that mends it; NO_SUCH_DATABASE if there is no such schema
 */
export const requirePrivileges = async (connection: Connection): Promise<void> => {
  const { schema, shown, user } = connection.address
  const [may] = await connection.rows<{ create: boolean; use: boolean }>(
    `SELECT has_schema_privilege(oid, 'CREATE') AS create, has_schema_privilege(oid, 'USAGE') AS use
     FROM pg_namespace WHERE nspname = $1`,
    [schema],
  )
  if (may === undefined) {
    const hint = `Create it: CREATE SCHEMA ${quote(schema)} AUTHORIZATION ${quote(user)};`
    throw new Failure('NO_SUCH_DATABASE', `there is no schema ${schema} in ${shown}`, hint)
  }
  if (!(may.create && may.use)) {
    const hint = `Let its owner run: GRANT USAGE, CREATE ON SCHEMA ${quote(schema)} TO ${quote(user)};`
    throw new Failure('PRIVILEGE_MISSING', `${user} may not create tables in the schema ${schema} of ${shown}`, hint)
  }
  const [strange] = await connection.rows<{ name: string; owner: string }>(
    `SELECT c.relname AS name, pg_get_userbyid(c.relowner) AS owner
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE')
       AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
     ORDER BY c.relname COLLATE "C" LIMIT 1`,
    [schema],
  )
  if (strange === undefined) return
  const hint = `Make ${user} a member of the owner's role: GRANT ${quote(strange.owner)} TO ${quote(user)};`
  throw new Failure('PRIVILEGE_MISSING', `the table ${strange.name} of ${shown} belongs to ${strange.owner}`, hint)
}

/**
 * Writes what the documents say of the code out of the code: parts between markers (scripts/docs-tables.ts has their names), such as
 *
 *     <!-- npm run docs: settings -->
 *     ...
 *     <!-- end -->
 *
 * and .env.example, docs/schema.md, migrations/schema.sql, migrations/schema.postgres.sql and src/sqlite/compiled/migrations.ts as a whole. test/docs/generated.ts
 * holds that it changes nothing; of the last one test/postgres/commands.ts does.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { skip } from '../test/help/postgres.ts'
import { generate, root } from './docs-generate.ts'
import { readPostgresSchema } from './schema-postgres.ts'

for (const [document, text] of await generate()) writeFileSync(join(root, document), text)
// where no server fits this machine, the file stays as it is
if (!skip) writeFileSync(join(root, 'migrations/schema.postgres.sql'), await readPostgresSchema())

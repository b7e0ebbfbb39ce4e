/**
 * Writes what the documents say of the code out of the code: parts between markers (scripts/docs-tables.ts has their names), such as
 *
 *     <!-- npm run docs: settings -->
 *     ...
 *     <!-- end -->
 *
 * and .env.example, docs/schema.md and migrations/schema.sql as a whole. test/docs/generated.ts holds that it changes nothing.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate, root } from './docs-generate.ts'

for (const [document, text] of await generate()) writeFileSync(join(root, document), text)

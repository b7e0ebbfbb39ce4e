import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { compile } from './compile.ts'
import { type Part, readParts, toEnvExample } from './docs-tables.ts'

export const root = join(import.meta.dirname, '..')

/** Each document that is written out of the code, by its path from the root of the project, as it should be. */
export const generate = async (): Promise<ReadonlyMap<string, string>> => {
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  const documents = ['README.md', ...inDocs.filter(file => file.endsWith('.md')).map(file => join('docs', file))]
  const parts = await readParts()
  const texts = new Map(documents.map(document => [document, readFileSync(join(root, document), 'utf8')]))
  const compiled = ['src/sqlite/compiled/migrations.ts', await compile(join(root, 'migrations'))] as const
  return new Map([...fillIn(texts, parts), ['.env.example', toEnvExample()], ...readSchemas(), compiled])
}

/**
 * The documents that have a place for a part, with the part as it is now.
 * @param texts of the documents, by path
 * @throws Error for a place of a part that is not known, and for a part that has no place
 */
export const fillIn = (
  texts: ReadonlyMap<string, string>,
  parts: ReadonlyMap<string, Part>,
): ReadonlyMap<string, string> => {
  const missing = new Set(parts.keys())
  const filled = [...texts].map(([document, text]) => {
    const after = text.replaceAll(/^<!-- npm run docs: (.+) -->\n[\s\S]*?^<!-- end -->$/gm, (_, name: string) => {
      const part = parts.get(name)
      if (part === undefined) throw new Error(`${document} has a place for "${name}", which is no part`)
      missing.delete(name)
      return `<!-- npm run docs: ${name} -->\n\n${part(document)}\n<!-- end -->`
    })
    return [document, after] as const
  })
  if (missing.size > 0) throw new Error(`no document has a place for ${[...missing].join(', ')}`)
  return new Map(filled)
}

/** What the migrations make: docs/schema.md, and migrations/schema.sql, which test/schema.ts holds too. */
const readSchemas = (): readonly (readonly [string, string])[] => {
  const folder = mkdtempSync(join(tmpdir(), 'docs-'))
  const database = join(folder, 'homelab.db')
  const run = (...words: readonly string[]): string => {
    const env = { PATH: process.env.PATH, DATABASE_URL: `sqlite:${database}` }
    const program = [join(root, 'bin/migrator.js'), ...words]
    // a .env of the checkout is not read in another folder
    const { status, stdout, stderr } = spawnSync(process.execPath, program, { env, cwd: folder, encoding: 'utf8' })
    if (status !== 0) throw new Error(`migrator ${words.join(' ')} exited ${status}: ${stderr}`)
    return stdout
  }
  try {
    run('up')
    const markdown = run('schema', '--format', 'markdown')
    const connection = new Database(database, { readonly: true })
    const statements = connection
      .prepare<[], string>(
        "SELECT sql FROM sqlite_schema WHERE sql NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY rowid",
      )
      .pluck()
      .all()
    connection.close()
    return [
      ['docs/schema.md', markdown],
      ['migrations/schema.sql', statements.map(sql => `${sql};\n`).join('')],
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

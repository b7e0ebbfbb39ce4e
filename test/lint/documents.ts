/** Whatever the documents show of a migration is a migration that `lint` has nothing to say of. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lint } from '../../src/lint/lint.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { idleLimit } from '../../src/migrations/run.ts'
import { root } from '../help/program.ts'

/** What the examples are about, as far as they say. */
const base = `-- migrate:up
CREATE TABLE servers (id TEXT PRIMARY KEY, hostname TEXT NOT NULL, tdp_watts INTEGER, updated_at TIMESTAMP);
CREATE TABLE metrics (id INTEGER PRIMARY KEY, server_id TEXT REFERENCES servers (id), timestamp TIMESTAMP, load_1m REAL, load_5m REAL);
`
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map(file => join('docs', file)),
]

/** The text of each migration, or of statements of one, with its document and the extension that its file would have. */
const examples = documents
  .filter(file => file.endsWith('.md'))
  .flatMap(document =>
    [
      ...readFileSync(join(root, document), 'utf8').matchAll(/^```(?<language>ts|js|sql)\n(?<text>[\s\S]*?)^```$/gm),
    ].map(({ groups }) => ({ document, language: groups?.language ?? '', text: groups?.text ?? '' })),
  )
  .flatMap(({ document, language, text }) => {
    if (/^export const up|^-- migrate:up/m.test(text)) return [{ document, language, text }]
    if (!/^await schema\./.test(text)) return []
    return [{ document, language, text: `export const up = async ({ context: schema }) => {\n${text}}\n` }]
  })

for (const { document, language, text } of examples) {
  t.test(`${document} shows what is right: ${text.split('\n').find(line => /\w/.test(line))}`, async t => {
    const inFolder = text.replace(/^import type .*\n/m, '')
    const folder = t.testdir({ '0001-base.sql': base, [`0002-example.${language}`]: inFolder })
    const signal = new AbortController().signal
    const linted = await lint(readMigrationFiles(folder), { version: '1.0.0', signal, idleLimit })
    t.strictSame(linted[1]?.findings, [])
  })
}

t.test('they show some', async t => {
  t.ok(examples.length >= 4, `${examples.length}`)
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hasName, sameName } from '../../src/sqlite/sql.ts'
import { root } from '../help/program.ts'

/** The rooms that know names of tables, columns and the like; elsewhere a name is that of a migration or a file. */
const rooms = /^(?:sqlite|dry-run|lint|verify|draw)\//
/** Names of migrations and files, which have a case; rows/ compares names that it has itself read from the catalog. */
const others =
  /^sqlite\/(?:bridge\/|rows\/|sql\.|history|write-history|helper|file|copy)|^(?:dry-run|lint)\/(?:try|script|lint|rehearse|rules|report|outside)\.ts|^migrations\/lint\/(?:lint|rehearse|watch-.*|lint-ok)\.ts/

const name = '(?:name|table|column|parent|child|child\\.name|of|from|first|last|present|target|source)'
const ways: Readonly<Record<string, RegExp>> = {
  'by ===': new RegExp(`(?:\\.|\\b)${name} [!=]== (?!null|undefined|'|-?\\d)[\\w.]*${name}\\b`),
  'in other letters': /\.to(?:Lower|Upper)Case\(\)/,
  'by = in SQL': /\b(?:tbl_name|name) = (?:\?|\$\d)(?! COLLATE NOCASE)/,
}
/** Types, collations, keywords and defaults, and what a migration is called. */
const allowed =
  /keyword|typeName|collation|coll\b|\btype\b|verb|constructor|dflt_value|kind|INDEX|letters =>|HEADER|toUpperCase\(\) : '"'|actions|words\.push|schema\.to|migration/i

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
  // a server's names have a case
  file => file.endsWith('.ts') && rooms.test(file) && !others.test(file) && !/on-server\.ts$/.test(file),
)

for (const [way, pattern] of Object.entries(ways)) {
  t.test(`no names are compared ${way}`, async t => {
    const found = files.flatMap(file =>
      readFileSync(join(root, 'src', file), 'utf8')
        .split('\n')
        .filter(line => pattern.test(line) && !allowed.test(line))
        .map(line => `${file}: ${line.trim()}`),
    )
    t.strictSame(found, [])
  })
}

for (const [a, b, expected] of [
  ['servers', 'SERVERS', true],
  ['a b', 'A B', true],
  ['été', 'ÉTÉ', false],
  ['été', 'éTé', true],
  ['k', '\u212a', false],
  ['a', 'ab', false],
] as const) {
  t.test(`${a} is ${expected ? '' : 'not '}${b} to SQLite`, async t => {
    t.equal(sameName(a, b), expected)
    t.equal(hasName(['x', b], a), expected)
  })
}

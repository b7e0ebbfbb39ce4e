/** What documents show of JSON that the program writes has the fields that it writes. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { readBlocks, readDocument } from '../help/documents.ts'
import { runProgram, settingsFor } from '../help/program.ts'

const main = 'docs/commands.md'

/** `marker` and `conflicts[].name`, as the table has them. */
const fieldsOf = (value: unknown, path = ''): readonly string[] => {
  if (Array.isArray(value)) return value.flatMap(item => fieldsOf(item, `${path}[]`))
  if (typeof value !== 'object' || value === null || path === 'marker') return [path]
  return Object.entries(value).flatMap(([name, inner]) => fieldsOf(inner, path === '' ? name : `${path}.${name}`))
}

t.test('the fields of `status --json` are those of the table', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const connection = new Database(join(folder, 'homelab.db'))
  connection.exec("INSERT INTO SequelizeMeta (name) VALUES ('0009-future')")
  connection.close()
  mkdirSync(join(folder, 'backups'))
  writeFileSync(join(folder, 'backups/homelab--0003-add-os-info-20260118T100000Z.db'), 'x')
  writeFileSync(join(folder, 'homelab.db.replaced-20260118T100000Z'), 'x')
  const { stdout } = await runProgram(['status', '--json'], settingsFor(folder))
  const [, section = ''] = readDocument(main).split('\n| field | value |\n')
  const rows = section.split('\n\n')[0] ?? ''
  const documented = rows.split('\n').flatMap(row => (row.split(' | ')[0] ?? '').match(/(?<=`)[\w.[\]]+(?=`)/g) ?? [])
  t.strictSame(documented.toSorted(), [...new Set(fieldsOf(JSON.parse(stdout)))].toSorted())
})

t.test('the marker that is shown is what is written', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const shown = readBlocks('docs/ready-marker.md').find(({ language }) => language === 'json')?.text
  const written = readFileSync(join(folder, '.ready'), 'utf8')
  t.strictSame(Object.keys(JSON.parse(shown ?? '')), Object.keys(JSON.parse(written)))
})

/** docs/commands.md, and docs/commands/ for the longer ones: their usage is that of the program. `npm run snap` writes it anew. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { documents, readBlocks, readDocument } from '../help/documents.ts'
import { root, runProgram, settingsFor } from '../help/program.ts'

const main = 'docs/commands.md'
const parts = documents.filter(document => document.startsWith('docs/commands/'))

const { stdout: help } = await runProgram(['--help'], {})
const names = [...help.matchAll(/^ {2}([a-z]+)\b.* {2,}\S/gm)]
  .map(([, name = '']) => name)
  .filter(name => name !== 'help')

/** What stands in the documents as the usage of each command. */
const usages = () =>
  [main, ...parts].flatMap(readBlocks).flatMap(({ document, text }) => {
    const name = /^Usage: migrator (\w+)/.exec(text)?.[1]
    return name === undefined ? [] : [{ name, document, text }]
  })

const update = (name: string, text: string): void => {
  const present = usages().find(usage => usage.name === name)
  const document = present?.document ?? main
  const before = readDocument(document)
  const link = existsSync(join(root, `docs/commands/${name}.md`)) ? `[${name} in full](commands/${name}.md)\n\n` : ''
  const after =
    present === undefined
      ? `${before}\n## ${name}\n\n${link}\`\`\`text\n${text}\`\`\`\n`
      : before.replace(present.text, () => text)
  writeFileSync(join(root, document), after)
}

for (const name of names) {
  t.test(`the usage of ${name} is what --help prints`, async t => {
    const { stdout } = await runProgram([name, '--help'], {})
    if (process.env.TAP_SNAPSHOT === '1') update(name, stdout)
    t.strictSame(
      usages()
        .filter(usage => usage.name === name)
        .map(({ text }) => text),
      [stdout],
    )
  })
}

t.test('no command is documented that is not there', async t => {
  t.strictSame(
    usages().filter(({ name }) => !names.includes(name)),
    [],
  )
})

t.test('every part is linked', async t => {
  for (const part of parts) t.match(readDocument(main), `](${part.replace('docs/', '')})`)
})

t.test("the README's table has each command, and no other", async t => {
  const rows = [...readDocument('README.md').matchAll(/^\| `([a-z]+)\b[^`]*`(?: \(the default\))? \| /gm)].map(
    ([, name]) => name,
  )
  t.strictSame(rows.toSorted(), names.toSorted())
})

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
  writeFileSync(join(folder, 'backups/homelab-0003-add-os-info-20260118T100000Z.db'), '')
  const { stdout } = await runProgram(['status', '--json'], settingsFor(folder))
  const [, section = ''] = readDocument(main).split('\n| field | value |\n')
  const rows = section.split('\n\n')[0] ?? ''
  const documented = rows.split('\n').flatMap(row => (row.split(' | ')[0] ?? '').match(/(?<=`)[\w.[\]]+(?=`)/g) ?? [])
  t.strictSame(documented.toSorted(), [...new Set(fieldsOf(JSON.parse(stdout)))].toSorted())
})

t.test("the README's marker is what is written", async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const shown = readBlocks('README.md').find(({ language }) => language === 'json')?.text
  const written = readFileSync(join(folder, '.ready'), 'utf8')
  t.strictSame(Object.keys(JSON.parse(shown ?? '')), Object.keys(JSON.parse(written)))
})

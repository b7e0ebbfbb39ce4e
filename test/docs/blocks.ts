/**
 * Each command block of README.md, CONTRIBUTING.md and docs, as a reader runs it: typed on a terminal in a fresh checkout, one
 * after the other. Where the document shows what comes of it, that is what has to come.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { settingNames } from '../../src/config.ts'
import { makeCheckout } from '../help/checkout.ts'
import { documents, linesOf, readBlocks } from '../help/documents.ts'
import { mask } from '../help/mask.ts'
import { readJson, root } from '../help/program.ts'
import { noTerminal, onTerminal } from '../help/shell.ts'

/** Lines that are not run here, whole, by their first word or by what ends with a colon, and why. A line that begins otherwise is run. */
const notRun = new Map([
  ['docker', 'test/containers/docs.ts runs it'],
  ['git', 'there is no address yet'],
  ['cd', 'goes where git put it'],
  ['kubectl', 'needs a cluster; test/containers/kubernetes.ts plays the manifests'],
  ['npm ci', 'fetches every package; .ci/run begins with it'],
  ['npm test', 'runs this test'],
  ['npm run coverage', 'runs this test'],
  ['npm run check', 'npm test begins with it'],
  ['npm run snap', 'writes golden outputs that are in the repository'],
  ['npm run docs', 'test/docs/generated.ts holds what it writes'],
  ['npm run test:containers', 'needs an engine; .ci/run runs it'],
  ['npm run test:cluster', 'needs pgbouncer; .ci/run runs it'],
  ['npm run dumps', 'installs the tools of others out of their registries'],
  ['npm run test:faults', 'takes an hour and a half'],
  ['npm run test:put-back', 'takes half an hour'],
  ['npm run sbom', 'test/project.ts runs it'],
  ['npm run bench', 'takes minutes, and measures nothing beside other tests'],
  ['npm run bench:', 'as npm run bench'],
  ['npm run test:sequelize -- CHECKOUT', 'needs a checkout of Sequelize'],
])

const entryOf = (line: string): string | undefined =>
  [...notRun.keys()].find(
    entry =>
      line === entry ||
      (entry.endsWith(':') && line.startsWith(entry)) ||
      (!entry.includes(' ') && line.startsWith(`${entry} `)),
  )

const all = documents.flatMap(readBlocks)
const blocks = all.filter(({ language }) => language === 'sh')
const lines = blocks.flatMap(linesOf)

t.test('commands stand in blocks of sh, which are the ones that are run', async t => {
  const other = all.filter(({ language, text }) => /^(?:bash|shell|console|zsh)$/.test(language) || /^\$ /m.test(text))
  t.strictSame(other, [])
})

t.test('npm installs nothing in a line that is run', async t => {
  t.strictSame(
    lines.filter(line => entryOf(line) === undefined && /\bnpm (?:ci|cit|i|install)\b/.test(line)),
    [],
  )
})

t.test('each script of npm that is named is there', async t => {
  const { scripts } = readJson(join(root, 'package.json'))
  const named = lines.flatMap(line => /\bnpm run (\S+)/.exec(line)?.[1] ?? [])
  t.strictSame(
    named.filter(name => !(name in Object(scripts))),
    [],
  )
})

t.test('each line that is not run is in a document', async t => {
  t.strictSame([...notRun.keys()].toSorted(), [...new Set(lines.flatMap(line => entryOf(line) ?? []))].toSorted())
})

const settings = {
  // a database that this process is told of is not the reader's
  ...Object.fromEntries(settingNames.map(name => [name, undefined])),
  // colours and whirls are not what is shown
  NO_COLOR: '1',
  npm_config_progress: 'false',
  npm_config_update_notifier: 'false',
}

/** As it is masked, without colours, bars that were drawn over, what npm says before a script, and where the checkout is. */
const comparable = (text: string): string =>
  mask(stripVTControlCharacters(text), {})
    .replaceAll(/^.*\r/gm, '')
    .replaceAll(/\S*(?=\/(?:data|migrations)\/)/g, '')
    .replaceAll(/^(?:> |npm warn ).*\n/gm, '')
    .replaceAll(/\n{2,}/g, '\n')
    .trim()

const noJq = spawnSync('jq', ['--version']).status !== 0 && 'there is no jq'

/** Outside of this project, whose settings and packages must not be found; one path, for which Node keeps compiled code. */
const checkout = mkdtempSync(join(tmpdir(), 'checkout-'))
t.teardown(() => rmSync(checkout, { recursive: true }))

for (const document of documents) {
  const own = blocks.filter(block => block.document === document)
  const runnable = own.filter(block => linesOf(block).some(line => entryOf(line) === undefined))
  if (runnable.length === 0) continue
  t.test(document, { skip: noTerminal }, async t => {
    rmSync(checkout, { recursive: true })
    mkdirSync(checkout)
    makeCheckout(checkout)
    for (const block of runnable) {
      const typed = linesOf(block).filter(line => entryOf(line) === undefined)
      t.test(`line ${block.line}: ${typed.join('; ')}`, { skip: block.text.includes('jq ') && noJq }, async t => {
        const { exitCode, output } = onTerminal(typed.join('\n'), settings, { columns: 200, checkout })
        t.equal(exitCode, 0, output)
        if (block.shown !== undefined) t.equal(comparable(output), comparable(block.shown.text))
      })
    }
  })
}

/** What documents say of the code is written out of the code by `npm run docs`, and documents are found from their index. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import { fillIn, generate } from '../../scripts/docs-generate.ts'
import { events } from '../../src/events.ts'
import { documents, readDocument } from '../help/documents.ts'
import { root } from '../help/program.ts'

t.test('`npm run docs` changes nothing', async t => {
  for (const [document, text] of await generate()) t.equal(readFileSync(join(root, document), 'utf8'), text, document)
})

const place = (name: string, inside = '') => `before\n<!-- npm run docs: ${name} -->\n${inside}<!-- end -->\nafter\n`
const parts = new Map([['words', (document: string) => `of ${document}\n`]])

t.test('whatever stands in the place of a part makes way for it, and all else stays', async t => {
  const expected = new Map([['a.md', place('words', '\nof a.md\n\n')]])
  for (const inside of ['', 'old\n', '\nof a.md\n\n'])
    t.strictSame(fillIn(new Map([['a.md', place('words', inside)]]), parts), expected)
})

t.test('a part without a place is refused, and so is a place without a part', async t => {
  t.throws(() => fillIn(new Map([['a.md', 'nothing']]), parts), /no document has a place for words/)
  t.throws(() => fillIn(new Map([['a.md', place('word')]]), parts), /a\.md has a place for "word"/)
})

t.test('every event of the table is logged somewhere', async t => {
  const src = join(root, 'src')
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
  const texts = files.filter(file => file !== 'events.ts').map(file => readFileSync(join(src, file), 'utf8'))
  const isLogged = (event: string) => texts.some(text => new RegExp(`\\blog\\.\\w+\\(\\s*'${event}'`).test(text))
  t.strictSame(
    Object.keys(events).filter(event => !isLogged(event)),
    [],
  )
})

t.test('each document of docs is in its index', async t => {
  const index = readDocument('docs/README.md')
  const linked = [...index.matchAll(/\]\(([^)#]+\.md)\)/g)].map(([, link = '']) => join('docs', link))
  const inDocs = documents.filter(document => document.startsWith('docs/') && document !== 'docs/README.md')
  t.strictSame(
    inDocs.filter(document => !linked.includes(document)),
    [],
    'every one is linked',
  )
  t.strictSame(
    linked.filter(document => !documents.includes(document)).map(document => relative('docs', document)),
    [],
    'every link leads to one',
  )
})

/** As GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

t.test('every link from one document leads to a file, and to a heading where it names one', async t => {
  const anchorsOf = (document: string) =>
    [...readDocument(document).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading))
  const leadsNowhere = (document: string, link: string): boolean => {
    const [path = '', anchor] = link.split('#')
    const file = path === '' ? document : join(dirname(document), path)
    if (!existsSync(join(root, file))) return true
    return anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).includes(anchor)
  }
  const links = [...documents, 'CHANGELOG.md', 'SECURITY.md'].flatMap(document =>
    [...readDocument(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => [document, link] as const),
  )
  const own = links.filter(([, link]) => !/^[a-z]+:/.test(link))
  t.ok(own.length > 100)
  t.strictSame(
    own.filter(([document, link]) => leadsNowhere(document, link)),
    [],
  )
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './program.ts'

/** What stands between two lines of ``` in a document. */
export type Block = Readonly<{
  /** path of the document, from the root of the project */
  document: string
  /** the line it begins at, as editors count */
  line: number
  language: string
  text: string
  /** the block that comes next, with nothing but empty lines between: what is shown of a command */
  shown: Block | undefined
}>

/** README.md, CONTRIBUTING.md and everything in docs. */
export const documents: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md'))
    .map(file => join('docs', file))
    .toSorted(),
]

export const readDocument = (document: string): string => readFileSync(join(root, document), 'utf8')

/** The blocks of a document, in order. */
export const readBlocks = (document: string): readonly Block[] => {
  const text = readDocument(document)
  const found = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
  const toBlock = (place: number): Block | undefined => {
    const match = found[place]
    if (match === undefined) return undefined
    const [whole, language = '', inside = ''] = match
    const next = found[place + 1]
    const between = text.slice(match.index + whole.length, next?.index)
    return {
      document,
      line: text.slice(0, match.index).split('\n').length,
      language,
      text: inside,
      shown: between.trim() === '' ? toBlock(place + 1) : undefined,
    }
  }
  return found.flatMap((_, place) => toBlock(place) ?? [])
}

/** The commands of a block: its lines without comments. */
export const linesOf = ({ text }: Block): readonly string[] =>
  text
    .split('\n')
    .map(line => line.replace(/(?:^|\s+)#.*$/, ''))
    .filter(Boolean)

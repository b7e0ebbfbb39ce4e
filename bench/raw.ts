/** What was measured, row by row and with the machine's state, so that a table can be checked and drawn anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { formatBytes } from '../src/text.ts'
import { program } from './measure.ts'

const docs = join(program, '../../docs')

/** A row of what was measured, by names with their units. */
export type Raw = Readonly<Record<string, string | number | boolean | null>>

/** The three averages of the machine's load: what others do beside a measure shows there. */
export const loads = (): string =>
  loadavg()
    .map(load => load.toFixed(1))
    .join(' ')

export const machine = (): string =>
  `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model}, ${formatBytes(totalmem(), { maximumFractionDigits: 0 })} of memory, Linux`

/** Writes rows beside the documents. @param name of the file in docs, without `.json` */
export const keepRows = (name: string, facts: Raw, rows: readonly Raw[]): void => {
  const head = { machine: machine(), measured: new Date().toISOString().slice(0, 16), ...facts }
  const lines = rows.map(row => `    ${JSON.stringify(row)}`)
  const text = `${JSON.stringify(head, null, 2).replace(/\n}$/, '')},\n  "rows": [\n${lines.join(',\n')}\n  ]\n}\n`
  writeFileSync(join(docs, `${name}.json`), text)
}

/** Puts a text between `<!-- NAME -->` and `<!-- end of NAME -->` of a document. */
export const writeInto = (document: string, name: string, text: string): void => {
  const file = join(docs, document)
  const before = readFileSync(file, 'utf8')
  const place = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- end of ${name} -->)`)
  if (!place.test(before)) throw new Error(`${document} has no place for ${name}`)
  writeFileSync(
    file,
    before.replace(place, (_, begin, end) => `${begin}${text}\n${end}`),
  )
}

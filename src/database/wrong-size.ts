import { statSync } from 'node:fs'
import { hasLeftovers } from './leftovers.ts'
import type { Connection } from './open.ts'

/**
 * Holds a file's size against its pages. SQLite notices a file that is too short when it reads there, and never one that grew:
 * what lies behind its pages is not its own. To be called in a transaction.
 */
export const wrongSize = (path: string, connection: Connection): readonly string[] => {
  // with a WAL the file itself is behind
  if (hasLeftovers(path)) return []
  const [pages, pageSize] = ['page_count', 'page_size'].map(name => Number(connection.pragma(name, { simple: true })))
  const { size } = statSync(path)
  const expected = Number(pages) * Number(pageSize)
  return size === expected ? [] : [`the file has ${size} bytes, where its ${pages} pages make ${expected}`]
}

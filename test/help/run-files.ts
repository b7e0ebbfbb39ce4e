import { once } from 'node:events'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const tests = join(import.meta.dirname, '..')
const root = join(tests, '..')

/** @param patterns of files, as they lie in test/ */
export const filesOf = (...patterns: readonly string[]): readonly string[] =>
  patterns.flatMap(pattern => globSync(pattern, { cwd: tests }).toSorted())

/**
 * Runs test files one after the other in this process: what each of them would load again takes longer than most of them do.
 * Each has the folders and the end that it has when tap runs it alone; snapshots are named by the process, so test/outputs.ts is one.
 */
export const runFiles = async (...patterns: readonly string[]): Promise<void> => {
  for (const file of filesOf(...patterns)) {
    const works: (() => unknown)[] = []
    t.testdirName = join(root, '.tap/fixtures', `test-${file.replaceAll('/', '-')}`)
    t.teardown = work => void works.push(work)
    t.beforeEach = () => {
      throw new Error('beforeEach of a file would run for those after it, too: name it in a test around the others')
    }
    t.comment(file)
    await import(join(tests, file))
    while (!t.idle) await once(t, 'idle')
    for (const work of works.toReversed()) await work()
  }
}

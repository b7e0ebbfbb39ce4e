import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const source = join(import.meta.dirname, 'shim.c')

/** Why there is no shim on this machine; false where there is one. */
export const noShim = (): string | false => {
  if (process.platform !== 'linux') return 'needs Linux'
  return spawnSync('gcc', ['--version']).status !== 0 && 'needs gcc'
}

/** Makes the library that stands between the program and its files (test/help/shim.c). @returns its path */
export const compileShim = (folder: string): string => {
  const library = join(folder, 'shim.so')
  const { status, stderr } = spawnSync('gcc', ['-O1', '-shared', '-fPIC', '-o', library, source, '-ldl'], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`gcc exited ${status}: ${stderr}`)
  return library
}

/** Settings under which a program writes down what it changes in a folder. */
export const recording = (library: string, folder: string, log: string) => ({
  LD_PRELOAD: library,
  SHIM_FOLDER: folder,
  SHIM_LOG: log,
})

/** Settings under which the call of a kind that has that number fails; none where it is 0. `errno` 0 kills the process. */
export const failing = (library: string, folder: string, count: string, call: string, at: number, errno: number) => {
  writeFileSync(count, Buffer.alloc(8))
  return {
    LD_PRELOAD: library,
    SHIM_FOLDER: folder,
    SHIM_COUNT: count,
    SHIM_CALL: call,
    SHIM_AT: `${at}`,
    SHIM_ERRNO: `${errno}`,
  }
}

/** How many calls of that kind there were. */
export const callsIn = (count: string): number => Number(readFileSync(count).readBigInt64LE())

/** A call that changed something, or made it durable. */
export type Change = Readonly<{
  call: string
  path: string
  /** of rename and link */
  to: string
  offset: number
  bytes: Buffer
}>

/** What a run wrote down, in order; without SQLite's shared memory, which is no part of a database. */
export const readLog = (file: string): readonly Change[] => {
  const log = readFileSync(file)
  const changes: Change[] = []
  for (let at = 0; at < log.length; ) {
    const end = log.indexOf('\n', at)
    const [call = '', path = '', to = '', offset, length] = log.toString('utf8', at, end).split('\t')
    at = end + 1 + Number(length)
    if (call === 'fail' || !path.endsWith('-shm'))
      changes.push({ call, path, to, offset: Number(offset), bytes: log.subarray(end + 1, at) })
  }
  return changes
}

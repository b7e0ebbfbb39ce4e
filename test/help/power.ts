/**
 * What is left of some folders when the power goes: out of what a run wrote down (shim.ts), for each instant of it, what the kernel
 * may have put on disk by then. What was flushed is there. Of the rest any part may be, as far as the model lets it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Change } from './shim.ts'

export const models = [
  // names change in the order of the calls, and flushing anything on a filesystem flushes those before it: ext4, XFS
  'ordered metadata',
  // each folder is flushed by itself, and a file with its own name: btrfs
  'each folder by itself',
  // nothing is sure but what fsync was called on: POSIX
  'strict',
] as const
export type Model = (typeof models)[number]

/** A file, whatever it is called. */
type File = { base: Buffer; writes: { at: number; offset: number; bytes: Buffer | undefined }[]; flushed: number[] }
type Name = Readonly<{ at: number; folder: string; path: string; file: File | 'folder' | undefined }>
type Flush = Readonly<{ at: number; filesystem: string; path: string }>

/** The files that a power cut leaves, by path below the root. */
export type Left = ReadonlyMap<string, Buffer>

/** Each folder in the root stands for a filesystem of its own. */
const filesystemOf = (path: string): string => path.split('/')[0] ?? ''

const filesIn = (root: string): readonly string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(root, join(entry.parentPath, entry.name)))

/** A sequence that looks random, and is the same each time. */
const makeRandom = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

/**
 * @param pristine a copy of the root as it was before, all of it on disk
 * @param seeds how many random states there are besides the two extremes, for each instant and model
 */
export function* powerCuts(root: string, pristine: string, log: readonly Change[], seeds: number) {
  const files = new Map<string, File>()
  for (const path of filesIn(pristine)) {
    if (!path.endsWith('-shm')) files.set(path, { base: readFileSync(join(pristine, path)), writes: [], flushed: [] })
  }
  const before = new Map(files)
  const names: Name[] = []
  const flushes: Flush[] = []
  for (const [at, { call, path: absolute, to, offset, bytes }] of log.entries()) {
    const path = relative(root, absolute)
    const name = (changed: string, file: Name['file']) =>
      names.push({ at, folder: dirname(changed), path: changed, file })
    const file = files.get(path)
    if (call === 'create') {
      const made: File = { base: Buffer.alloc(0), writes: [], flushed: [] }
      files.set(path, made)
      name(path, made)
    } else if (call === 'mkdir') name(path, 'folder')
    else if (call === 'rmdir') name(path, undefined)
    else if (call === 'unlink') {
      files.delete(path)
      name(path, undefined)
    } else if ((call === 'rename' || call === 'link') && file !== undefined) {
      const target = relative(root, to)
      if (call === 'rename') {
        files.delete(path)
        name(path, undefined)
      }
      files.set(target, file)
      name(target, file)
    } else if (call === 'fsync') {
      flushes.push({ at, filesystem: filesystemOf(path), path })
      file?.flushed.push(at)
    } else if (call === 'write') file?.writes.push({ at, offset, bytes })
    else if (call === 'truncate') file?.writes.push({ at, offset, bytes: undefined })
  }
  for (const model of models) {
    for (let at = 0; at < log.length; at += 1) {
      for (let seed = -2; seed < seeds; seed += 1) {
        const random = makeRandom(seed * 7919 + at)
        // how many of some changes are on disk: none, all, or so many of the first
        const some = (number: number) => (seed === -2 ? 0 : seed === -1 ? number : Math.floor(random() * (number + 1)))
        const left = new Map<string, Buffer>()
        for (const [path, file] of namesAt(model, before, names, flushes, at, some))
          left.set(path, contentAt(file, at, some))
        yield { model, at, isLast: at === log.length - 1, left }
      }
    }
  }
}

/** What was flushed, and of what was written since some of the first writes, the last of which may be cut off at a sector. */
const contentAt = (file: File, at: number, some: (number: number) => number): Buffer => {
  const flushed = file.flushed.findLast(flush => flush <= at) ?? -1
  const sure = file.writes.filter(write => write.at <= flushed)
  const unsure = file.writes.filter(write => write.at > flushed && write.at <= at)
  const kept = some(unsure.length)
  let content = file.base
  const apply = (offset: number, bytes: Buffer | undefined) => {
    const end = bytes === undefined ? offset : Math.max(content.length, offset + bytes.length)
    const next = Buffer.alloc(end)
    content.copy(next, 0, 0, end)
    bytes?.copy(next, offset)
    content = next
  }
  for (const { offset, bytes } of [...sure, ...unsure.slice(0, kept)]) apply(offset, bytes)
  const torn = unsure[kept]
  if (torn?.bytes !== undefined) apply(torn.offset, torn.bytes.subarray(0, some(torn.bytes.length >> 9) << 9))
  return content
}

const namesAt = (
  model: Model,
  before: ReadonlyMap<string, File>,
  names: readonly Name[],
  flushes: readonly Flush[],
  at: number,
  some: (number: number) => number,
): ReadonlyMap<string, File> => {
  const past = names.filter(name => name.at <= at)
  const done = flushes.filter(flush => flush.at <= at)
  // names that change together: of a filesystem, or of a folder
  const groupOf = ({ folder }: Name) => (model === 'ordered metadata' ? filesystemOf(folder) : folder)
  const kept = [...Map.groupBy(past, groupOf)].flatMap(([group, changes]) => {
    const isFlush = ({ filesystem, path }: Flush) =>
      model === 'ordered metadata' ? filesystem === group : path === group
    const flushed = done.findLast(isFlush)?.at ?? -1
    const sure = changes.filter(change => change.at < flushed)
    const unsure = changes.filter(change => change.at >= flushed)
    const number = some(unsure.length)
    const byFile =
      model === 'each folder by itself' ? unsure.slice(number).filter(name => isFlushedItself(name, done)) : []
    return [...sure, ...unsure.slice(0, number), ...byFile]
  })
  const left = new Map(before)
  const folders = new Set(['.', ...[...before.keys()].flatMap(parents)])
  for (const { path, file } of kept.toSorted((a, b) => a.at - b.at)) {
    if (file === 'folder') folders.add(path)
    else if (file === undefined) {
      left.delete(path)
      folders.delete(path)
    } else left.set(path, file)
  }
  const isThere = (folder: string): boolean =>
    folder === '.' || dirname(folder) === '.' || (folders.has(folder) && isThere(dirname(folder)))
  return new Map([...left].filter(([path]) => isThere(dirname(path))))
}

const parents = (path: string): readonly string[] => (path === '.' ? [] : [dirname(path), ...parents(dirname(path))])

/** A file that is flushed has its name, and the folders that it is in have theirs. */
const isFlushedItself = ({ at, path, file }: Name, flushes: readonly Flush[]): boolean => {
  if (file === undefined) return false
  if (file === 'folder')
    return flushes.some(flush => flush.at > at && (flush.path === path || flush.path.startsWith(`${path}/`)))
  return file.flushed.some(flush => flush > at)
}

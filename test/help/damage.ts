/** Numbers from 0 to below 1 that are the same for the same seed: mulberry32. */
export const makeRandom = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

type Random = ReturnType<typeof makeRandom>

const pageSize = 4096
const below = (random: Random, limit: number): number => Math.floor(random() * limit)
const pagesOf = (bytes: Buffer): number => bytes.length / pageSize
const edited = (bytes: Buffer, edit: (copy: Buffer) => void): Buffer => {
  const copy = Buffer.from(bytes)
  edit(copy)
  return copy
}
const flip = (copy: Buffer, offset: number, random: Random): void => {
  copy[offset] = (copy[offset] ?? 0) ^ (1 << below(random, 8))
}
/** Bytes of the header that SQLite reads something from; the others may have any value (change counter, cookies, versions). */
const headerBytes = [...Array(18).keys(), 20, 21, 22, 23, 28, 29, 30, 31, 36, 37, 38, 39, 56, 57, 58, 59]

/** Ways in which a file gets damaged. Each gives another content than it was given. */
export const damages: Readonly<Record<string, (bytes: Buffer, random: Random) => Buffer>> = {
  'cut at any byte': (bytes, random) => bytes.subarray(0, 1 + below(random, bytes.length - 1)),
  'cut at a page': (bytes, random) => bytes.subarray(0, pageSize * (1 + below(random, pagesOf(bytes) - 1))),
  emptied: () => Buffer.alloc(0),
  'a page of zeros': (bytes, random) =>
    edited(bytes, copy => {
      const page = below(random, pagesOf(bytes))
      copy.fill(0, page * pageSize, (page + 1) * pageSize)
    }),
  'the rest zeros, as after a power cut': (bytes, random) =>
    edited(bytes, copy => copy.fill(0, pageSize * (1 + below(random, pagesOf(bytes) - 1)))),
  'a page of noise': (bytes, random) =>
    edited(bytes, copy => {
      const start = below(random, pagesOf(bytes)) * pageSize
      for (let offset = start; offset < start + pageSize; offset += 1) copy[offset] = below(random, 256)
    }),
  'a page in the place of another': (bytes, random) =>
    edited(bytes, copy => {
      const from = 1 + below(random, pagesOf(bytes) - 1)
      const to = 1 + ((from + below(random, pagesOf(bytes) - 2)) % (pagesOf(bytes) - 1))
      copy.copy(copy, to * pageSize, from * pageSize, (from + 1) * pageSize)
    }),
  // https://www.sqlite.org/fileformat.html#b_tree_pages: type, first freeblock, number of cells, and where each of them is
  'a flipped bit in the head of a page': (bytes, random) =>
    edited(bytes, copy =>
      flip(copy, (1 + below(random, pagesOf(bytes) - 1)) * pageSize + ([0, 3, 4, 8, 9][below(random, 5)] ?? 0), random),
    ),
  'a flipped bit in the header': (bytes, random) =>
    edited(bytes, copy => flip(copy, headerBytes[below(random, headerBytes.length)] ?? 0, random)),
  'grown by noise': (bytes, random) =>
    Buffer.concat([bytes, Buffer.from(Array.from({ length: 1 + below(random, 9000) }, () => below(random, 256)))]),
  'grown by pages of zeros': (bytes, random) => Buffer.concat([bytes, Buffer.alloc(pageSize * (1 + below(random, 5)))]),
}

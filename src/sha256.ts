/** SHA-256 (FIPS 180-4) of short texts: `node:crypto` takes a tenth of a first run to load, and most texts here have a page. */

/** Characters up to which this is faster than to load node:crypto. */
const short = 16 * 1024

/** The first 32 bits of the fractional parts of roots of the first primes. */
const fraction = (root: number): number => ((root - Math.floor(root)) * 2 ** 32) | 0
const primes: number[] = []
for (let number = 2; primes.length < 64; number += 1)
  if (primes.every(prime => number % prime !== 0)) primes.push(number)
const constants = Int32Array.from(primes, prime => fraction(Math.cbrt(prime)))
const start = Int32Array.from(primes.slice(0, 8), prime => fraction(Math.sqrt(prime)))

/** A run asks for the digest of each migration several times. */
const known = new Map<string, string>()

/** The digest in hex of a text in UTF-8. */
export const sha256 = (text: string): string => {
  if (text.length > short) return process.getBuiltinModule('node:crypto').hash('sha256', text)
  const digest = known.get(text) ?? hash(Buffer.from(text))
  known.set(text, digest)
  return digest
}

const hash = (message: Buffer): string => {
  // the message, a bit 1, zeros, and its length in bits, in blocks of 64 bytes
  const padded = Buffer.alloc((message.length + 72) & ~63)
  message.copy(padded)
  padded[message.length] = 0x80
  padded.writeUInt32BE(message.length * 8, padded.length - 4)
  const state = start.slice()
  const words = new Int32Array(64)
  for (let at = 0; at < padded.length; at += 64) addBlock(state, words, padded, at)
  const digest = Buffer.alloc(32)
  for (let index = 0; index < 8; index += 1) digest.writeInt32BE(state[index] as number, index * 4)
  return digest.toString('hex')
}

/** One block of the message. Plain loops and local numbers: it runs before V8 has optimised anything. */
const addBlock = (state: Int32Array, words: Int32Array, bytes: Buffer, at: number): void => {
  for (let t = 0; t < 16; t += 1) words[t] = bytes.readInt32BE(at + t * 4)
  for (let t = 16; t < 64; t += 1) {
    const x = words[t - 15] as number
    const y = words[t - 2] as number
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    words[t] = (words[t - 16] as number) + s0 + (words[t - 7] as number) + s1
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
  for (let t = 0; t < 64; t += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (constants[t] as number) + (words[t] as number)) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c))
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  const sums = [a, b, c, d, e, f, g, h]
  for (let index = 0; index < 8; index += 1) state[index] = (state[index] as number) + (sums[index] as number)
}

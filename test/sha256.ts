import { createHash } from 'node:crypto'
import t from 'tap'
import { sha256 } from '../src/sha256.ts'

const byNode = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')

t.test(
  'a digest is that of node:crypto, at every length around a block, in any script, and of a long text',
  async t => {
    const texts = [
      ...Array.from({ length: 200 }, (_, length) => 'homelab'.repeat(30).slice(0, length)),
      ...['é', '日本', '🏠', '\ud800', '\u0000'].flatMap(part =>
        [1, 27, 28, 55, 56, 64].map(times => part.repeat(times)),
      ),
      ...[16_384, 16_385, 100_000].map(length => 'x'.repeat(length)),
    ]
    t.strictSame(texts.map(sha256), texts.map(byNode))
  },
)

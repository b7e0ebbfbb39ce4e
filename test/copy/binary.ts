/** Rows in COPY's binary format: what is written is read as the same, whatever else is there is told, wherever the stream is cut. */
import fc from 'fast-check'
import t from 'tap'
import { areSame, type Binary, tuplesOf } from '../../src/copy/binary.ts'
import { kindOf, type Value } from '../../src/copy/kinds.ts'

const binary = (type: string): Binary => {
  const found = kindOf(type, undefined)?.binary
  if (found === undefined) throw new Error(`no binary of ${type}`)
  return found
}

const most = 2n ** 63n - 1n
const times = fc
  .tuple(
    fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }),
    fc.integer({ min: 0, max: 999_999 }),
  )
  .map(([date, fraction]) => {
    const text = date.toISOString().slice(0, 19).replace('T', ' ')
    return fraction === 0 ? text : `${text}.${String(fraction).padStart(6, '0')}`
  })

/** Values that a column of the type may have. */
const valuesOf: Readonly<Record<string, fc.Arbitrary<Value>>> = {
  smallint: fc.integer({ min: -32_768, max: 32_767 }),
  integer: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  bigint: fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -most - 1n, max: most })),
  boolean: fc.constantFrom(0, 1, 0n, 1n),
  'double precision': fc.oneof(fc.double({ noNaN: true }), fc.maxSafeInteger().map(BigInt)),
  text: fc.string({ unit: 'grapheme' }),
  'timestamp with time zone': times,
  'timestamp without time zone': times,
}
const types = Object.keys(valuesOf)
const columns = types.map(binary)
const rows = fc.array(fc.tuple(...types.map(type => fc.option(valuesOf[type] as fc.Arbitrary<Value>))))
type Rows = readonly (readonly (Value | null)[])[]

const written = (rows: Rows): Buffer => Buffer.concat([...tuplesOf(rows, columns, () => undefined)])

const isRead = (bytes: Buffer, cut: number, rows: Rows): Promise<boolean> => {
  const chunks = async function* (): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += cut) yield bytes.subarray(at, at + cut)
  }
  return areSame(chunks(), rows[Symbol.iterator](), columns, () => undefined)
}

t.test('rows are the same as what was written of them, wherever it is cut', async t => {
  await fc.assert(
    fc.asyncProperty(rows, fc.integer({ min: 1, max: 100 }), async (rows, cut) => isRead(written(rows), cut, rows)),
    { seed: 1 },
  )
  t.pass()
})

const isEqual = (a: Value | null, b: Value | null): boolean =>
  a === null || b === null || typeof a === 'string'
    ? a === b
    : Object.is(Number(a), Number(b)) && String(a) === String(b)

t.test('another value, one row more or less, and a stream that ends early are told', async t => {
  await fc.assert(
    fc.asyncProperty(
      rows.filter(rows => rows.length > 0),
      fc.nat(),
      fc.nat(),
      fc.tuple(...types.map(type => fc.option(valuesOf[type] as fc.Arbitrary<Value>))),
      async (rows, at, column, other) => {
        const [row, index] = [at % rows.length, column % types.length]
        const changed = rows.map((values, place) =>
          place === row ? values.map((value, place) => (place === index ? (other[index] ?? null) : value)) : values,
        )
        const bytes = written(rows)
        const isSame = isEqual(rows[row]?.[index] ?? null, other[index] ?? null)
        return (
          (isSame || !(await isRead(bytes, 1000, changed))) &&
          !(await isRead(bytes, 1000, rows.slice(1))) &&
          !(await isRead(bytes, 1000, [...rows, rows[0] ?? []])) &&
          !(await isRead(bytes.subarray(0, -1 - (at % (bytes.length - 1))), 1000, rows))
        )
      },
    ),
    { seed: 1 },
  )
  t.pass()
})

t.test('more columns than are known are told', async t => {
  const chunks = async function* (): AsyncGenerator<Buffer> {
    yield* tuplesOf([[1, 2]], [binary('bigint'), binary('bigint')], () => undefined)
  }
  t.notOk(await areSame(chunks(), [[1]][Symbol.iterator](), [binary('bigint')], () => undefined))
})

t.test('types with a form of their own go as texts', async t => {
  for (const type of ['numeric(10,2)', 'real', 'jsonb', 'uuid', 'date', 'bytea'])
    t.equal(kindOf(type, undefined)?.binary, undefined, type)
})

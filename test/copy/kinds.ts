/** Which values a server's column holds, how they are written, and when they are the same. */
import t from 'tap'
import { escapeField, kindOf, unescapeField, type Value } from '../../src/copy/kinds.ts'
import { toFileText, toUtc } from '../../src/copy/times.ts'

const kind = (type: string, labels?: readonly string[]) => {
  const found = kindOf(type, labels)
  if (found === undefined) throw new Error(`no kind of ${type}`)
  return found
}

t.test('a value that fits is the same when it is read back, and comes back as it was', async t => {
  const cases: readonly (readonly [string, Value, string, Value?])[] = [
    ['smallint', -32_768n, '-32768', -32_768],
    ['bigint', 2n ** 63n - 1n, '9223372036854775807'],
    ['bigint', 5, '5'],
    ['double precision', -0, '-0'],
    ['double precision', 1e308, '1e+308'],
    ['double precision', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['double precision', 13n, '13', 13],
    ['real', 0.5, '0.5'],
    ['real', 13n, '13', 13],
    ['numeric', 10n ** 18n, '1000000000000000000'],
    ['numeric', 1.5e-7, '0.00000015'],
    ['numeric', -1e21, '-1000000000000000000000'],
    ['numeric(10,2)', 12.5, '12.50'],
    ['numeric(10,2)', 0, '0.00'],
    ['boolean', 1n, 't', 1],
    ['boolean', 0, 'f'],
    ['text', 'a\tb\\N', 'a\tb\\N'],
    ['character varying', 'abc', 'abc'],
    ['character varying(2)', '😀é', '😀é'],
    ['uuid', '7f9c24e8-3b12-4fef-91e0-4f6d5b6c1a2b', '7f9c24e8-3b12-4fef-91e0-4f6d5b6c1a2b'],
    ['jsonb', '{"b":1,"a":[1e2]}', '{"a": [100], "b": 1}', '{"a": [100], "b": 1}'],
    ['json', 12n, '12', '12'],
    ['json', '{"b":null,"a":1}', '{"b":null,"a":1}'],
    ['bytea', Buffer.from([0, 255, 92]), '\\x00ff5c'],
    [
      'timestamp with time zone',
      '2026-01-18T10:00:00.2500+02:00',
      '2026-01-18 08:00:00.25+00',
      '2026-01-18 08:00:00.250',
    ],
    ['timestamp(3) with time zone', '2026-01-18 10:00', '2026-01-18 10:00:00+00', '2026-01-18 10:00:00'],
    ['timestamp without time zone', '2026-01-18', '2026-01-18 00:00:00', '2026-01-18 00:00:00'],
    ['date', '2024-02-29', '2024-02-29'],
  ]
  for (const [type, value, field, back = value] of cases) {
    const { refusal, isSame, fieldRefusal, fromField, toField, canonical = toField } = kind(type)
    const judged = typeof value === 'number' && type === 'boolean' ? BigInt(value) : value
    t.equal(refusal(judged), undefined, `${type} ${value}`)
    t.ok(isSame(value, field), `${value} is ${field}`)
    t.ok(isSame(value, toField(value)))
    t.equal(canonical(fromField(field)), canonical(value))
    t.equal(fieldRefusal(field), undefined)
    t.strictSame(fromField(field), back)
  }
  t.equal(kind('kinds', ['a']).refusal('a'), undefined)
})

t.test('a value that does not fit says why', async t => {
  const cases: readonly (readonly [string, Value, RegExp])[] = [
    ['smallint', 32_768n, /is out of range for smallint/],
    ['integer', 0.5, /not a whole number/],
    ['bigint', -0, /not a whole number/],
    ['double precision', 2n ** 53n + 1n, /that double precision holds/],
    ['real', 0.1, /that real holds/],
    ['real', 'x', /is not a number/],
    ['real', 2n ** 53n + 1n, /that real holds/],
    ['numeric(4,2)', 123.4, /more digits than numeric\(4,2\)/],
    ['numeric(4,2)', 0.125, /more digits/],
    ['numeric', Number.POSITIVE_INFINITY, /holds/],
    ['numeric', Buffer.from('1'), /a blob of 1 bytes is not a number/],
    ['boolean', 2n, /is not 0 or 1/],
    ['text', 'a\0', /NUL/],
    ['text', 5n, /the number 5 is not text/],
    ['bigint', 'x'.repeat(41), /the text 'x{40}\.\.\.' is not/],
    ['character varying(2)', 'abc', /longer than 2/],
    ['uuid', '7F9C24E8-3b12-4fef-91e0-4f6d5b6c1a2b', /UUID in small letters/],
    ['json', '{', /is not JSON/],
    ['json', Buffer.from('{}'), /is not JSON/],
    ['jsonb', '"\\u0000"', /jsonb refuses/],
    ['jsonb', '["\\ud800"]', /jsonb refuses/],
    ['bytea', 'text', /is not a blob/],
    ['timestamp(0) with time zone', '2026-01-18 10:00:00.5', /more fractional digits/],
    ['timestamp with time zone', 'now', /is not a time/],
    ['timestamp with time zone', 12n, /the number 12 is not a time/],
    ['date', '2026-02-29', /is not a day/],
  ]
  for (const [type, value, why] of cases) t.match(kind(type).refusal(value), why, `${type} ${value}`)
  t.match(kind('kinds', ['a', 'b']).refusal('z'), /one of a, b/)
  for (const [type, field] of [
    ['double precision', 'NaN'],
    ['numeric', 'NaN'],
    ['numeric', '0.12345678901234567890123'],
    ['numeric', '9223372036854775809'],
    ['timestamp with time zone', 'infinity'],
    ['timestamp with time zone', '0044-03-15 00:00:00+00 BC'],
    ['date', '10000-01-01'],
  ] as const)
    t.type(kind(type).fieldRefusal(field), 'string', `${type} ${field}`)
  for (const type of ['interval', 'integer[]', 'character(3)', 'point', 'bit(3)'])
    t.equal(kindOf(type, undefined), undefined, type)
})

t.test('other values are not the same', async t => {
  const cases: readonly (readonly [string, Value, string])[] = [
    ['bigint', 9_007_199_254_740_993n, '9007199254740992'],
    ['bigint', 'x', 'NaN'],
    ['double precision', 0, '-0'],
    ['double precision', 'x', 'NaN'],
    ['boolean', 1n, 'f'],
    ['text', 'A', 'a'],
    ['jsonb', '[1, 2]', '[2, 1]'],
    ['json', '{"a":{"b":1}}', '{"a":{"b":2}}'],
    ['numeric', 1.5, '1.50001'],
    ['json', '{', '{}'],
    ['bytea', Buffer.from('a'), '\\x62'],
    ['timestamp with time zone', '2026-01-18 10:00:00', '2026-01-18 10:00:00.1+00'],
  ]
  for (const [type, value, field] of cases) {
    const { isSame, refusal, canonical, fromField } = kind(type)
    t.notOk(isSame(value, field), `${type} ${value} ${field}`)
    if (canonical !== undefined && refusal(value) === undefined)
      t.not(canonical(value), canonical(fromField(field)), `${type} ${value} ${field}`)
  }
})

t.test('a time is the same instant in UTC, and what no calendar has is none', async t => {
  const cases: Readonly<Record<string, string | undefined>> = {
    '2026-01-18': '2026-01-18 00:00:00',
    '2026-01-18 10:00:00.000 +00:00': '2026-01-18 10:00:00',
    '2024-02-29T23:59:59.123456-05:30': '2024-03-01 05:29:59.123456',
    '0001-01-01 00:00:00': '0001-01-01 00:00:00',
    '0001-01-01 00:00:00+01:00': undefined,
    '9999-12-31 23:59:59-01:00': undefined,
    '0000-06-01': undefined,
    '2026-02-30': undefined,
    '2026-01-18 24:00:00': undefined,
    '2026-01-18 10:00:60': undefined,
    '2026-01-18 10:00:00.1234567': undefined,
    '2026-01-18 10:00:00+15:00': undefined,
    '2026-01-18 10:00:00+01:60': undefined,
    infinity: undefined,
    '': undefined,
  }
  for (const [text, utc] of Object.entries(cases)) t.equal(toUtc(text), utc, text)
  t.equal(toFileText('2026-01-18 10:00:00.1234'), '2026-01-18 10:00:00.123400')
})

t.test('what is escaped in a line of COPY is the same again', async t => {
  for (const text of ['', 'plain', '\\', '\\N', '\n\r\t\b\f\v', 'a\\tb', '\\.'])
    t.equal(unescapeField(escapeField(text)), text)
  t.equal(unescapeField('\\b\\f\\v\\x'), '\b\f\vx')
})

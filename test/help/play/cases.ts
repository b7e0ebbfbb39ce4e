/** The cases: which tables there are, and which verbs one or two migrations use on them. */
import fc from 'fast-check'
import { actions, kinds } from '../world.ts'
import type { Dice } from './scene.ts'
import { type VerbName, verbs } from './verbs.ts'

const often = Object.entries(verbs).flatMap(([name, [weight]]) => Array<VerbName>(weight).fill(name as VerbName))

const small = fc.nat({ max: 11 })
const steps = fc.record({
  verb: fc.constantFrom(...often),
  table: small,
  row: small,
  other: small,
  how: small,
  value: fc.nat({ max: 59 }),
  inside: fc.constantFrom<number>(0, 0, 1, 1, 2),
  caught: fc.constantFrom(true, true, true, false),
} satisfies { readonly [Name in keyof Dice]: fc.Arbitrary<Dice[Name]> } & { readonly verb: fc.Arbitrary<VerbName> })

const tables = fc.record({
  kind: fc.constantFrom(...kinds),
  name: small,
  rows: fc.nat({ max: 4 }),
  strict: fc.boolean(),
  generated: fc.constantFrom('VIRTUAL' as const, 'STORED' as const, null),
  reference: fc.option(
    fc.record({ to: small, onDelete: fc.constantFrom(...actions), onUpdate: fc.constantFrom(...actions) }),
  ),
  indexes: fc.nat({ max: 7 }),
  trigger: fc.boolean(),
  view: fc.boolean(),
})

export const cases = fc.record({
  mode: fc.constantFrom('wal', 'wal', 'wal', 'wal', 'delete', 'backup'),
  ready: fc.nat({ max: 3 }),
  tables: fc.array(tables, { minLength: 1, maxLength: 4 }),
  migrations: fc.array(
    fc.record({
      steps: fc.array(steps, { minLength: 1, maxLength: 9 }),
      announced: fc.option(fc.record({ tables: fc.nat({ max: 15 }), how: small })),
      open: fc.nat({ max: 9 }),
    }),
    { minLength: 1, maxLength: 2 },
  ),
})
export type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never

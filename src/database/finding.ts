/** What is other than expected in a database. */
export type Finding = Readonly<{
  weight: 'difference' | 'tolerated' | 'information'
  /** what it is about: `column metrics.id` */
  object: string
  /** which of its properties, or `missing` or `extra` */
  what: string
  /** null where there should be nothing */
  expected: string | null
  /** null where there is nothing */
  found: string | null
}>

/** A finding where the two are not the same text; none where they are. */
export const differ = (
  weight: Finding['weight'],
  object: string,
  what: string,
  expected: string | null,
  found: string | null,
): readonly Finding[] => (expected === found ? [] : [{ weight, object, what, expected, found }])

export type Rule = Readonly<{
  /** an error fails `lint`: it loses data, or does not work; a warning may be right, which a person has to say */
  level: 'error' | 'warning'
  /** what a migration with it does */
  does: string
  /** how it is seen */
  seen: string
  /** how to do it right */
  cure: string
}>

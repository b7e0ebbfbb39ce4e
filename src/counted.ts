/** A number of things for people: `1 row`, `2 rows`, `475,200 rows`. */
export const counted = (count: number, what: string): string =>
  `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`

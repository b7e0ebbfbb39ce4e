/** ` (Did you mean CHECK?)`, with the nearest of the words that are at most three edits from what was written; '' without one. */
export const didYouMean = (written: string, words: readonly string[]): string => {
  const [nearest] = [1, 2, 3].flatMap(edits => words.filter(word => isWithin(written, word, edits)))
  return nearest === undefined ? '' : ` (Did you mean ${nearest}?)`
}

/** Whether so many edits make one word of the other: a letter put in, taken out, changed, or swapped with the next. */
const isWithin = (a: string, b: string, edits: number): boolean => {
  if (a === b) return true
  if (a[0] === b[0]) return isWithin(a.slice(1), b.slice(1), edits)
  if (edits === 0) return false
  const swapped = a[0] === b[1] && a[1] === b[0]
  return (
    isWithin(a.slice(1), b, edits - 1) ||
    isWithin(a, b.slice(1), edits - 1) ||
    isWithin(a.slice(1), b.slice(1), edits - 1) ||
    (swapped && isWithin(a.slice(2), b.slice(2), edits - 1))
  )
}

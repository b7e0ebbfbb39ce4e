/** A number for people: `475,200`. */
export const formatCount = (count: number): string => count.toLocaleString('en')

/** Things in one line that fits a screen: the first five, and how many more there are. Loaded where the rest of text.ts is not. */
export const listed = (things: readonly string[], separator = ', '): string => {
  const more = things.length - 5
  return [...things.slice(0, 5), ...(more > 0 ? [`and ${formatCount(more)} more`] : [])].join(separator)
}

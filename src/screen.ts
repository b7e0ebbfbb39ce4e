/** What a person would see: `bold` for headings, `red`, `yellow` and `green` for what is wrong, due and right. */
export type Style = 'bold' | 'red' | 'yellow' | 'green'

/** Where text goes to. A terminal has a width, and colours unless NO_COLOR is set; a pipe or a file has neither. */
export type Screen = Readonly<{
  /** somebody looks at it as it comes */
  terminal: boolean
  /** characters in a line; Infinity where there is no end to it */
  columns: number
  /** the text in a colour, or as it is where there are none */
  paint: (style: Style, text: string) => string
}>

/** What a terminal obeys, save colours. */
const obeyed = new RegExp(`(?!${String.fromCharCode(27)}\\[[\\d;]*m)\\p{Cc}`, 'gu')

/** Text that stays in its line, whatever a table is named or a migration says: a line break is a space, any other mark its code. */
export const printable = (text: string): string =>
  text.replaceAll(obeyed, mark => (mark === '\n' ? ' ' : `\\x${mark.charCodeAt(0).toString(16).padStart(2, '0')}`))

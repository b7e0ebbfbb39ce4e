/** Quotes a name: servers fold an unquoted one to small letters. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A name with the schema that it is in. */
export const inSchema = (schema: string, name: string): string => `${quote(schema)}.${quote(name)}`

/** So many other tables that the guard watches only those that are written. */
export const bystanders = Array.from({ length: 101 }, (_, index) => `CREATE TABLE "bystander ${index}" (x);`).join('')

export const isBystander = (name: string): boolean => name.startsWith('bystander ')

/** Whether a case, by its text, is one of the few with bystanders. */
export const isCrowded = (test: object): boolean => JSON.stringify(test).length % 16 === 0

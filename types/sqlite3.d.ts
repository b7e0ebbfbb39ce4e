/**
 * What the declarations of @sequelize/sqlite3 need of `sqlite3`, for a hub that overrides that package with better-sqlite3, which
 * declares no such module: `/// <reference types="homelab-migrator/sqlite3" />`. Leave it out beside the real `sqlite3`.
 */
declare module 'sqlite3' {
  export const OPEN_CREATE: number
  export const OPEN_FULLMUTEX: number
  export const OPEN_PRIVATECACHE: number
  export const OPEN_READONLY: number
  export const OPEN_READWRITE: number
  export const OPEN_SHAREDCACHE: number
  export const OPEN_URI: number
  export class Database {
    constructor(filename: string, mode?: number, callback?: (error: Error | null) => void)
    close(callback?: (error: Error | null) => void): void
  }
}

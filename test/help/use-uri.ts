/** As src/main.ts does; to be imported before the first database is opened. */
process.env.SQLITE_USE_URI = '1'

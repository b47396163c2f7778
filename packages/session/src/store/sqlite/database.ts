/** The little of SQLite's interface that all bindings for Node share, and where to get one. */
import { createRequire } from 'node:module'
import { closeSync, openSync } from 'node:fs'
import { MisuseError } from '../../errors.ts'

export type SqlValue = string | number

export interface SqliteStatement {
  run(...values: SqlValue[]): unknown
  get(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
}

/** What `node:sqlite`, better-sqlite3 and libsql have in common. All of them answer synchronously. */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
  close(): unknown
}

type Open = (path: string) => SqliteDatabase

/**
 * Opens a database with what there is: Node's own SQLite where Node has it, else better-sqlite3, else libsql, which
 * needs neither compiler nor install script. A file that is made here is for its owner alone.
 *
 * @throws MisuseError where none of the three is there
 */
export function openDatabase(path: string): SqliteDatabase {
  const open = nodeSqlite() ?? installed('better-sqlite3') ?? installed('libsql')
  if (!open)
    throw new MisuseError('no SQLite: use Node 22.13 or newer, or install better-sqlite3 or libsql beside this package')
  if (path !== ':memory:') makeFile(path)
  return open(path)
}

/**
 * A file that is there already is not touched: where a process closes a file, it gives up all its locks on it, and with
 * those of another store of this process the next process to come would take the log away from under it.
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'ax', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function nodeSqlite(): Open | undefined {
  // Asked for at run time, because Node 20 has no such module.
  const builtin = process.getBuiltinModule?.('node:sqlite' as 'node:fs') as
    | { DatabaseSync?: new (path: string) => SqliteDatabase }
    | undefined
  const Database = builtin?.DatabaseSync
  return Database && ((path) => new Database(path))
}

function installed(name: string): Open | undefined {
  try {
    const Database = createRequire(import.meta.url)(name) as new (path: string) => SqliteDatabase
    return (path) => new Database(path)
  } catch {
    return undefined
  }
}

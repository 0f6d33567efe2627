/** The package brings no types of its own. */
declare module "better-sqlite3" {
  import type { SqliteDatabase } from "kysely";

  interface Options {
    readonly readonly?: boolean;
    readonly fileMustExist?: boolean;
    /** How long a statement waits for a lock, in milliseconds; the process waits with it. Default 5,000. */
    readonly timeout?: number;
  }

  export default class Database implements SqliteDatabase {
    constructor(file: string, options?: Options);
    /** True: integers are read as `bigint`. */
    defaultSafeIntegers(on: boolean): this;
    pragma(source: string): unknown;
    exec(statements: string): this;
    function(
      name: string,
      options: { readonly varargs: true },
      run: (...given: never[]) => unknown,
    ): this;
    /** False, too, once a statement or a trigger has rolled it back. */
    readonly inTransaction: boolean;
    close(): void;
    transaction<Given extends readonly unknown[]>(
      work: (...given: Given) => unknown,
    ): (...given: Given) => unknown;
    prepare: SqliteDatabase["prepare"];
  }
}

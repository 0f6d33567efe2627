/**
 * SQLite dressed up as SQL Server: the store's own statements for SQL Server, recorded, and answered by SQLite as `translate.ts` makes them. A transaction
 * behaves as the settings ask that each statement brings along: after an error it is over. It is no SQL Server, and takes what that might refuse.
 */
import { createHash } from "node:crypto";
import type Database from "better-sqlite3";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type Driver,
  type Kysely,
  MssqlAdapter,
  MssqlIntrospector,
  MssqlQueryCompiler,
  type QueryResult,
} from "kysely";
import { catalogAnswer } from "./catalog.js";
import { asServerError, ServerError } from "./failure.js";
import { aloneForm, settledForm, translated } from "./translate.js";

export interface Sent {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export class DressedDialect implements Dialect {
  readonly #database: Database;
  readonly #sent: (statement: Sent) => void;
  readonly #settled: boolean;

  constructor(database: Database, sent: (statement: Sent) => void = () => {}, settled = true) {
    this.#database = database;
    this.#sent = sent;
    this.#settled = settled;
    addFunctions(database);
  }

  createDriver(): Driver {
    return new DressedDriver(this.#database, this.#sent, this.#settled);
  }
  createQueryCompiler(): MssqlQueryCompiler {
    return new MssqlQueryCompiler();
  }
  createAdapter(): MssqlAdapter {
    return new MssqlAdapter();
  }
  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new MssqlIntrospector(db);
  }
}

class DressedDriver implements Driver {
  readonly #connection: DressedConnection;
  #last: Promise<void> = Promise.resolve();
  #release: () => void = () => {};

  constructor(database: Database, sent: (statement: Sent) => void, settled: boolean) {
    this.#connection = new DressedConnection(database, sent, settled);
  }

  async init(): Promise<void> {}
  async destroy(): Promise<void> {}

  /** One for all, one after the other. */
  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#last;
    let release: () => void = () => {};
    this.#last = new Promise((resolve) => (release = resolve));
    await before;
    this.#release = release;
    return this.#connection;
  }
  async releaseConnection(): Promise<void> {
    this.#release();
  }
  async beginTransaction(): Promise<void> {
    this.#connection.begin();
  }
  async commitTransaction(): Promise<void> {
    this.#connection.end("commit");
  }
  async rollbackTransaction(): Promise<void> {
    this.#connection.end("rollback");
  }
}

class DressedConnection implements DatabaseConnection {
  readonly #database: Database;
  readonly #sent: (statement: Sent) => void;
  readonly #settled: boolean;
  /** `undone`: by the server, and the client does not know yet. */
  #transaction: "none" | "open" | "undone" = "none";

  constructor(database: Database, sent: (statement: Sent) => void, settled: boolean) {
    this.#database = database;
    this.#sent = sent;
    this.#settled = settled;
  }

  begin(): void {
    this.#database.exec("begin");
    this.#transaction = "open";
  }

  end(how: "commit" | "rollback"): void {
    const was = this.#transaction;
    this.#transaction = "none";
    if (was !== "open")
      throw new ServerError(how === "commit" ? 3902 : 3903, "There is no corresponding BEGIN.");
    this.#database.exec(how);
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    this.#sent({ sql, parameters });
    if (this.#transaction === "undone")
      throw new ServerError(3930, "The current transaction can't be used.");
    const isSettled = settledForm.test(sql);
    if (this.#settled && this.#transaction === "open" && !isSettled)
      throw new Error(`It was sent without the transaction's settings: ${sql}`);
    try {
      return this.#execute(sql, parameters) as QueryResult<R>;
    } catch (error) {
      const aborts = isSettled && !aloneForm.test(sql.replace(settledForm, ""));
      if (this.#transaction === "open" && (aborts || !this.#database.inTransaction)) {
        // A trigger may have done it.
        if (this.#database.inTransaction) this.#database.exec("rollback");
        this.#transaction = "undone";
      }
      throw asServerError(error);
    }
  }

  #execute(sql: string, parameters: readonly unknown[]): QueryResult<unknown> {
    const text = sql.replace(settledForm, "");
    const answer = catalogAnswer(text, parameters, (table) => this.#columnsOf(table));
    if (answer !== undefined) return { rows: [...answer] };
    const statement = this.#database.prepare(translated(sql));
    // By their numbers. Kysely's type only knows a list.
    const given = Object.fromEntries(
      parameters.map((value, index) => [`p${index + 1}`, bindable(value)]),
    ) as never;
    if (statement.reader) return { rows: statement.all(given) };
    const { changes } = statement.run(given);
    return { rows: [], numAffectedRows: BigInt(changes) };
  }

  #columnsOf(table: string): readonly string[] | undefined {
    const rows = this.#database.prepare("select name from pragma_table_info(?)").all([table]);
    return (rows as readonly { readonly name: string }[]).map(({ name }) => name);
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error("Nothing of the library's is streamed.");
  }
}

function bindable(value: unknown): unknown {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (value instanceof Date) return value.toISOString().slice(0, -1).replace("T", " ");
  return value ?? null;
}

/** Of the server's functions, those that the library's statements name. */
function addFunctions(database: Database): void {
  const define = (name: string, run: (...given: never[]) => unknown) =>
    database.function(name, { varargs: true }, run as never);
  // Seven digits, of which the clock has three; later in the process is later.
  let last = 0;
  define("sysutcdatetime", () => {
    last = Math.max(last + 1, Date.now() * 10_000);
    return clockText(last);
  });
  define("dateadd", (part: string, amount: bigint, at: string) => {
    const unit = part === "minute" ? 600_000_000 : 10;
    return clockText(ticksOf(at) + Number(amount) * unit);
  });
  define("datediff_big", (_: string, from: string, to: string) =>
    BigInt(Math.floor((ticksOf(to) - ticksOf(`${from} 00:00:00.000`)) / 10_000_000)),
  );
  define("datalength", (text: string | null) => (text === null ? null : BigInt(text.length * 2)));
  define("hashbytes", (_: string, bytes: Uint8Array | null) =>
    bytes === null ? null : createHash("sha256").update(bytes).digest(),
  );
  define("isnull", (value: unknown, other: unknown) => value ?? other);
  define("convert", converted as never);
}

function clockText(ticks: number): string {
  const ms = Math.floor(ticks / 10_000);
  const more = String(ticks - ms * 10_000).padStart(4, "0");
  return `${new Date(ms).toISOString().slice(0, -1).replace("T", " ")}${more}`;
}

function ticksOf(text: string): number {
  const ms = Date.parse(`${text.slice(0, 23).replace(" ", "T")}Z`);
  return ms * 10_000 + Number(text.slice(23).padEnd(4, "0"));
}

function converted(type: string, value: unknown, style?: bigint): unknown {
  if (value === null) return null;
  const [name = ""] = type.split("(");
  switch (name) {
    case "varbinary":
      if (style === 2n) return Buffer.from(String(value), "hex");
      return value instanceof Uint8Array ? value : Buffer.from(String(value), "utf16le");
    case "nvarchar":
    case "varchar":
      return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value);
    case "uniqueidentifier":
      return String(value);
    case "bit":
    case "tinyint":
    case "smallint":
    case "int":
    case "bigint":
    case "decimal":
    case "money":
    case "float":
    case "real":
      return /^-?\d+$/.test(String(value)) ? BigInt(String(value)) : Number(value);
    case "datetime2":
      return String(value).replace("T", " ").padEnd(27, "0");
    default:
      throw new Error(`Nothing is converted to ${type}.`);
  }
}

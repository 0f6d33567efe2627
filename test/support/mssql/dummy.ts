/** A SQL Server that answers nothing, or what it is given: for the text of statements, and for what is made of an answer. */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  DummyDriver,
  type Kysely,
  MssqlAdapter,
  MssqlIntrospector,
  MssqlQueryCompiler,
} from "kysely";

type Answer = readonly object[] | ((statement: string) => readonly object[]);

class RecordingDriver extends DummyDriver {
  readonly #sent: (statement: string) => void;
  readonly #rows: Answer;

  constructor(sent: (statement: string) => void, rows: Answer) {
    super();
    this.#sent = sent;
    this.#rows = rows;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection();
    return {
      executeQuery: async (query: CompiledQuery) => {
        this.#sent(query.sql);
        const rows = typeof this.#rows === "function" ? this.#rows(query.sql) : this.#rows;
        return { rows: [...rows] as never[] };
      },
      streamQuery: (...given) => connection.streamQuery(...given),
    };
  }
}

export class DummyMssqlDialect implements Dialect {
  readonly #sent: (statement: string) => void;
  readonly #rows: Answer;

  /** @param rows that answer every statement, or each by its text */
  constructor(sent: (statement: string) => void = () => {}, rows: Answer = []) {
    this.#sent = sent;
    this.#rows = rows;
  }

  createDriver(): DummyDriver {
    return new RecordingDriver(this.#sent, this.#rows);
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

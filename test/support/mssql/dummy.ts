/** A SQL Server that answers nothing, or the same to everything: for the text of statements, and for what is made of an answer. */
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

class RecordingDriver extends DummyDriver {
  readonly #sent: (statement: string) => void;
  readonly #rows: readonly object[];

  constructor(sent: (statement: string) => void, rows: readonly object[]) {
    super();
    this.#sent = sent;
    this.#rows = rows;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection();
    return {
      executeQuery: async (query: CompiledQuery) => {
        this.#sent(query.sql);
        return { rows: [...this.#rows] as never[] };
      },
      streamQuery: (...given) => connection.streamQuery(...given),
    };
  }
}

export class DummyMssqlDialect implements Dialect {
  readonly #sent: (statement: string) => void;
  readonly #rows: readonly object[];

  /** @param rows that answer every statement */
  constructor(sent: (statement: string) => void = () => {}, rows: readonly object[] = []) {
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

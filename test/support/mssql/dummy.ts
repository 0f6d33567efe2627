/** A SQL Server that answers nothing: for the text of statements alone. */
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

  constructor(sent: (statement: string) => void) {
    super();
    this.#sent = sent;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection();
    return {
      executeQuery: async (query: CompiledQuery) => {
        this.#sent(query.sql);
        return { rows: [] };
      },
      streamQuery: (...given) => connection.streamQuery(...given),
    };
  }
}

export class DummyMssqlDialect implements Dialect {
  readonly #sent: (statement: string) => void;

  constructor(sent: (statement: string) => void = () => {}) {
    this.#sent = sent;
  }

  createDriver(): DummyDriver {
    return new RecordingDriver(this.#sent);
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

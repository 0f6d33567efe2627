/** The write path that most tests run: rules of each kind over the test tables, and callers named by their token. */
import type { Kysely } from "kysely";
import type { TableRule, WriteRequest, WritesConfig } from "../../src/index.js";
import { unauthenticated } from "../../src/index.js";
import type { TestSchema } from "./schema.js";

export interface TestPrincipal {
  readonly userId: string;
}

/** `Authorization: Bearer alice` is Alice. */
export function byName(request: WriteRequest): TestPrincipal {
  const name = /^Bearer (\w+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  if (name === undefined) throw unauthenticated();
  return { userId: name };
}

type Rules = Readonly<Record<string, TableRule<TestPrincipal, TestSchema>>>;

/** The rules that are the same for every store. */
export const plainRules = {
  lists: { owner: "owner_id" },
  things: { access: "everyone" },
  members: { access: "everyone", id: ["list_id", "user_name"] },
  authors: { access: "everyone", id: "uuid" },
  books: {
    access: "everyone",
    id: "uuid",
    columns: {
      title: true,
      author_id: {
        column: "author",
        references: { table: "authors", match: "uuid", take: "number" },
      },
    },
  },
  /** The same tables under other names and stricter rules. */
  my_todos: {
    access: "everyone",
    table: "todos",
    operations: ["PATCH", "DELETE"],
    columns: { text: "description", completed: true, position: { readOnly: "ignore" } },
    unknownColumns: "ignore",
  },
  named_lists: {
    access: "everyone",
    table: "lists",
    columns: ["name"],
    set: { owner_id: ({ principal }: { principal: TestPrincipal }) => principal.userId },
    put: "replace",
  },
  hidden_lists: { table: "lists", owner: "owner_id", hideForeign: true },
  absent: { access: "everyone", table: "no_such_table" },
  half_absent: { access: "everyone", table: "lists", columns: ["name", "no_such_column"] },
} satisfies Rules;

/** What the audit writes to. */
export const auditRules = { powersync_audit: { owner: "owner_id" } } satisfies Rules;

export function testConfig(db: Kysely<TestSchema>) {
  return {
    authenticate: byName,
    database: db,
    // Tests count statements: no check() runs by itself.
    logger: false,
    tables: {
      ...plainRules,
      todos: {
        scope: (eb, { principal }) =>
          eb.exists(
            eb
              .selectFrom("lists")
              .select("lists.id")
              .whereRef("lists.id", "=", "todos.list_id")
              .where("lists.owner_id", "=", principal.userId),
          ),
      },
    },
  } satisfies WritesConfig<TestPrincipal, TestSchema>;
}

/** Random shapes of tables, and random sequences of writes of two users, as data. */
import fc from "fast-check";

export type Family = "postgres" | "mysql" | "sqlite";
export type User = keyof typeof users;

export const users = {
  alice: "aaaaaaaa-0000-4000-8000-000000000001",
  bob: "bbbbbbbb-0000-4000-8000-000000000002",
} as const;

export interface Shape {
  readonly rule: "owner" | "belongsTo" | "scope" | "everyone";
  /** `live`: a view of the rows that are not gone. */
  readonly kind:
    | "table"
    | "partitioned"
    | "deferrable"
    | "view"
    | "live"
    | "instead of"
    | "view with rules";
  readonly composite: boolean;
  /** What triggers and rules of the database's own do. `elsewhere`, `keeps`: where the body is `drop`. */
  readonly onInsert: "nothing" | "elsewhere" | "raises";
  readonly onUpdate: "nothing" | "newest wins" | "keeps" | "raises" | "rule";
  readonly onDelete: "nothing" | "soft" | "trash" | "raises" | "rule";
  readonly stamped: boolean;
  /** `hidden`: others' rows can't even be seen. */
  readonly policies: "none" | "owners" | "hidden" | "insert only";
  readonly grants: "all" | "columns" | "insert only";
  /** Of `body` and `n`; or `n` has none, and is NOT NULL. */
  readonly defaults: "none" | "some" | "required";
  readonly generated: boolean;
  /** No two rows have one body. */
  readonly unique: boolean;
  readonly put: "merge" | "replace" | "insert";
  /** A DELETE sets `gone`. */
  readonly softDelete: boolean;
}

export interface Entry {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly id: string;
  readonly data: {
    readonly body?: string;
    readonly n?: number | null;
    readonly circle?: User;
    readonly gone?: 0 | 1;
    readonly twice?: number | undefined;
  };
}

export interface Sent {
  readonly user: User;
  readonly crud: readonly Entry[];
}

const entry: fc.Arbitrary<Entry> = fc.record({
  op: fc.constantFrom("PUT", "PUT", "PATCH", "DELETE"),
  id: fc.constantFrom("a.1", "b.1", "c.1"),
  data: fc.record(
    {
      body: fc.constantFrom("x", "y", "z", "drop"),
      n: fc.constantFrom(0, 1, 2, 3, null),
      circle: fc.constantFrom<User>("alice", "bob"),
      gone: fc.constantFrom(0, 0, 1),
      twice: fc.constantFrom(undefined, undefined, undefined, undefined, undefined, 2),
    },
    { requiredKeys: ["body"] },
  ),
});

export const sequence: fc.Arbitrary<readonly Sent[]> = fc.array(
  fc.record({
    user: fc.constantFrom<User>("alice", "alice", "bob"),
    crud: fc.array(entry, { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 6, maxLength: 12 },
);

type Choices = { readonly [K in keyof Shape]: readonly Shape[K][] };

const both = [false, true];
const common = {
  rule: ["owner", "belongsTo", "scope", "everyone"],
  composite: both,
  stamped: both,
  defaults: ["none", "some", "required"],
  generated: both,
  unique: [false, false, true],
  put: ["merge", "merge", "replace", "insert"],
  softDelete: [false, false, false, true],
} satisfies Partial<Choices>;

/** What there is of each. */
const choices: Readonly<Record<Family, Choices>> = {
  postgres: {
    ...common,
    kind: [
      "table",
      "table",
      "partitioned",
      "deferrable",
      "view",
      "live",
      "instead of",
      "view with rules",
    ],
    onInsert: ["nothing", "nothing", "elsewhere", "raises"],
    onUpdate: ["nothing", "nothing", "newest wins", "keeps", "raises", "rule"],
    onDelete: ["nothing", "soft", "trash", "raises", "rule"],
    policies: ["none", "none", "owners", "hidden", "insert only"],
    grants: ["all", "all", "columns", "insert only"],
  },
  mysql: {
    ...common,
    kind: ["table", "table", "partitioned", "view", "live"],
    // A trigger can neither pass over a row nor write to its own table.
    onInsert: ["nothing", "raises"],
    onUpdate: ["nothing", "keeps", "raises"],
    onDelete: ["nothing", "raises"],
    policies: ["none"],
    grants: ["all", "all", "insert only"],
  },
  sqlite: {
    ...common,
    kind: ["table", "table", "instead of"],
    onInsert: ["nothing", "elsewhere", "raises"],
    onUpdate: ["nothing", "newest wins", "raises"],
    onDelete: ["nothing", "soft", "trash", "raises"],
    policies: ["none"],
    grants: ["all"],
  },
};

export function shapes(family: Family): fc.Arbitrary<Shape> {
  const given = Object.entries(choices[family]).map(
    ([name, all]) => [name, fc.constantFrom(...(all as readonly unknown[]))] as const,
  );
  return fc
    .record(Object.fromEntries(given))
    .map((shape) => possible(shape as unknown as Shape, family));
}

/** A view that the database can't write by itself. */
export function isWritten({ kind }: Pick<Shape, "kind">): boolean {
  return kind === "instead of" || kind === "view with rules";
}

export function isTable({ kind }: Pick<Shape, "kind">): boolean {
  return kind === "table" || kind === "partitioned" || kind === "deferrable";
}

/** Without what can't be together, or would have to say what another trigger has done. */
function possible(shape: Shape, family: Family): Shape {
  const { kind } = shape;
  return {
    ...shape,
    ...(isWritten(shape) && { onInsert: "nothing", onUpdate: "nothing", onDelete: "nothing" }),
    // A view's policies are asked as its owner.
    ...(!isTable(shape) && { policies: "none", grants: "all" }),
    // The two together would say everything twice.
    ...(shape.policies !== "none" && { grants: "all" }),
    // A partitioned table's keys all hold what it is partitioned by.
    ...(kind === "partitioned" && { unique: false }),
    // Of a table whose rules make more statements nobody can say what a conflict would be.
    ...(kind === "deferrable" && shape.onUpdate === "rule" && { onUpdate: "nothing" }),
    // What the triggers would do is not the role's to do.
    ...(shape.policies === "insert only" && { onDelete: "nothing", softDelete: false }),
    // As the login role it would be a right that somebody has forgotten to give.
    ...(family === "mysql" && shape.grants === "insert only" && { softDelete: false }),
  };
}

/** Which room may know which: CONTRIBUTING's "Import direction", as a table. A new room belongs in it. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

interface Group {
  /** Paths without extension; `*` at the end stands for whatever is in the folder. */
  readonly rooms: readonly string[];
  /** Groups whose values it may import, beside its own. */
  readonly values: readonly string[];
  /** Groups of which it may import types alone. */
  readonly types?: readonly string[];
  /** Packages and `node:` modules whose values it may import. */
  readonly packages?: readonly string[];
  readonly typePackages?: readonly string[];
}

const groups: Readonly<Record<string, Group>> = {
  words: {
    rooms: [
      "src/crud",
      "src/result",
      "src/errors",
      "src/event",
      "src/request",
      "src/write",
      "src/limits",
      "src/abandonment",
      "src/http/cors",
      "src/layer",
      "src/table-rule",
      "src/config",
      "src/check/mismatch",
      "src/check/client-schema",
      "src/writes",
      "src/own/own-tables",
      "src/rls/rls",
      "src/letters/words",
      "src/letters/named-rows",
      "src/admin/options",
    ],
    values: [],
    typePackages: ["kysely"],
  },
  helpers: {
    rooms: [
      "src/json",
      "src/hash",
      "src/flights",
      "src/http/route",
      "src/http/correlation",
      "src/transit",
      "src/deadline",
      "src/bounds",
      "src/http/admission",
      "src/stored",
      "src/letters/letter-id",
      "src/letters/principal",
      "src/letters/rounded",
      "src/letters/wanted",
      "src/letters/wire",
    ],
    values: ["words"],
  },
  generated: {
    rooms: ["src/wire/generated/*"],
    values: [],
  },
  generator: {
    rooms: ["src/wire/generate"],
    values: [],
    packages: ["node:*", "ajv", "esbuild", "openapi-typescript", "yaml"],
  },
  layers: {
    rooms: [
      "src/authenticate",
      "src/http/body",
      "src/checkpoint/body",
      "src/wire",
      "src/answer",
      "src/map",
      "src/authorize",
      "src/rules",
      "src/identity",
      "src/rls/database-caller",
      "src/letters/reading",
    ],
    values: ["words", "helpers", "generated"],
    typePackages: ["kysely"],
  },
  tokens: {
    rooms: ["src/jwt", "src/jwt/*"],
    values: ["words"],
    packages: ["jose"],
  },
  persistence: {
    rooms: [
      "src/persist/*",
      "src/ledger",
      "src/checkpoint/checkpoint",
      "src/parking/failed-attempts",
      "src/dead-letter",
      "src/letters/rejection",
      "src/own/tables",
      "src/own/own",
      "src/own/migrations",
      "src/letters/letter-bound",
      "src/letters/filter",
      "src/letters/store",
    ],
    values: ["words", "helpers"],
    types: ["layers"],
    packages: ["kysely"],
    typePackages: ["kysely/migration"],
  },
  begin: {
    rooms: ["src/begin", "src/guard", "src/own/prune"],
    values: ["words", "helpers", "persistence"],
    packages: ["kysely"],
  },
  transaction: {
    rooms: [
      "src/transaction",
      "src/attempt",
      "src/record",
      "src/parking/parking",
      "src/retry",
      "src/call",
      "src/statement-count",
      "src/rls/gate",
      "src/ready",
      "src/pipeline",
      "src/committed",
      "src/letters/*",
    ],
    values: ["words", "helpers", "layers", "persistence", "begin"],
    typePackages: ["kysely"],
  },
  check: {
    rooms: ["src/check/*"],
    values: ["words", "helpers", "layers", "persistence", "begin"],
    types: ["transaction"],
    typePackages: ["kysely"],
  },
  processor: {
    rooms: ["src/processor", "src/own/pruning", "src/checkpoint/checkpointing"],
    values: ["words", "helpers", "layers", "persistence", "begin", "transaction"],
    typePackages: ["kysely"],
  },
  http: {
    rooms: ["src/http/http", "src/direct", "src/http/answer"],
    values: ["words", "helpers", "generated", "layers"],
    types: ["transaction", "processor"],
  },
  // Knows the write path by its face alone.
  admin: {
    rooms: ["src/admin/*"],
    values: ["words", "helpers", "layers"],
  },
  // `createWrites` hands every room the others that it works with.
  face: {
    rooms: ["src/index", "src/create-writes"],
    values: [
      "words",
      "helpers",
      "layers",
      "persistence",
      "begin",
      "transaction",
      "check",
      "processor",
      "http",
      "admin",
    ],
    typePackages: ["kysely"],
  },
  // The device's side takes nothing of the server's along, and no package.
  client: {
    rooms: ["src/client/*"],
    values: [],
  },
  // Before the other adapters, so that no other of them may know Koa.
  koa: {
    rooms: ["adapters/koa"],
    values: ["words", "face", "web", "adapters"],
    typePackages: ["koa"],
  },
  nest: {
    rooms: ["adapters/nest/*"],
    values: ["words", "face", "web", "adapters"],
    packages: ["@nestjs/common", "@nestjs/core"],
    typePackages: ["node:*"],
  },
  // What speaks the Web's words alone, and takes nothing of Node's along.
  web: {
    rooms: ["adapters/fetch", "adapters/answers", "adapters/to-writes"],
    values: ["words", "face"],
  },
  adapters: {
    rooms: ["adapters/*"],
    values: ["words", "face", "web"],
    typePackages: ["node:*"],
  },
};

interface Import {
  /** A room, a package, or a `node:` module. */
  readonly of: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

interface Room {
  readonly imports: readonly Import[];
  /** Lines with `export *`. */
  readonly exportAll: readonly number[];
}

function readRoom(room: string, source: string): Room {
  const file = ts.createSourceFile(`${room}.ts`, source, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const exportAll: number[] = [];
  const lineOf = (node: ts.Node) => file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const add = (node: ts.Node, from: ts.Node | undefined, typeOnly: boolean) => {
    if (from === undefined || !ts.isStringLiteral(from)) return;
    const specifier = from.text;
    const of = specifier.startsWith(".")
      ? posix.join(posix.dirname(room), specifier).replace(/\.(js|mjs)$/, "")
      : specifier;
    imports.push({ of, specifier, typeOnly, line: lineOf(node) });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node, node.moduleSpecifier, onlyTypes(node.importClause));
    } else if (ts.isExportDeclaration(node)) {
      if (node.exportClause === undefined) exportAll.push(lineOf(node));
      add(node, node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], false);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, true);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { imports, exportAll };
}

function onlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const bindings = clause.namedBindings;
  return (
    clause.name === undefined &&
    bindings !== undefined &&
    ts.isNamedImports(bindings) &&
    bindings.elements.every((element) => element.isTypeOnly)
  );
}

/** `src/a.ts:3: …`, one for each import that goes the wrong way. */
function offenses(rooms: ReadonlyMap<string, Room>): string[] {
  const found: string[] = [];
  for (const [room, { imports, exportAll }] of rooms) {
    const group = groupOf(room);
    if (group === undefined) {
      found.push(`${room}.ts is in no group: add it to the table in test/unit/imports.test.ts.`);
      continue;
    }
    for (const line of exportAll) {
      found.push(`${room}.ts:${line}: \`export *\`; name what is exported.`);
    }
    for (const { of, specifier, typeOnly, line } of imports) {
      const reason = refusal(group, of, specifier, typeOnly);
      if (reason !== undefined) found.push(`${room}.ts:${line}: ${reason}`);
    }
  }
  return [...found, ...cycles(rooms)];
}

function refusal(
  name: string,
  of: string,
  specifier: string,
  typeOnly: boolean,
): string | undefined {
  const group = groups[name] as Group;
  const what = typeOnly ? "types" : "values";
  if (specifier.startsWith(".")) {
    if (!specifier.endsWith(".js")) return `"${specifier}" has no .js extension.`;
    const target = groupOf(of);
    if (target === undefined) return `imports ${of}, which is in no group.`;
    const allowed = [name, ...group.values, ...(typeOnly ? (group.types ?? []) : [])];
    return allowed.includes(target)
      ? undefined
      : `"${name}" imports ${what} of "${target}" (${of}).`;
  }
  const allowed = [...(group.packages ?? []), ...(typeOnly ? (group.typePackages ?? []) : [])];
  const known = allowed.some((one) =>
    one === "node:*" ? specifier.startsWith("node:") : packageOf(specifier) === one,
  );
  return known ? undefined : `"${name}" imports ${what} of the package "${specifier}".`;
}

function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function groupOf(room: string): string | undefined {
  const matches = (pattern: string) =>
    pattern.endsWith("*") ? room.startsWith(pattern.slice(0, -1)) : room === pattern;
  return Object.keys(groups).find((name) => groups[name]?.rooms.some(matches));
}

/** Of values: types vanish, and may point at each other. */
function cycles(rooms: ReadonlyMap<string, Room>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const follow = (room: string, path: readonly string[]): void => {
    if (path.includes(room)) {
      found.push(`a cycle: ${[...path.slice(path.indexOf(room)), room].join(" -> ")}`);
      return;
    }
    if (done.has(room)) return;
    for (const { of, typeOnly } of rooms.get(room)?.imports ?? []) {
      if (!typeOnly) follow(of, [...path, room]);
    }
    done.add(room);
  };
  for (const room of rooms.keys()) follow(room, []);
  return found;
}

function sourceRooms(): Map<string, Room> {
  const rooms = new Map<string, Room>();
  for (const folder of ["src", "adapters"]) {
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts") || file.endsWith(".d.ts")) continue;
      const room = posix.join(folder, file.replaceAll("\\", "/").slice(0, -".ts".length));
      rooms.set(room, readRoom(room, readFileSync(`${room}.ts`, "utf8")));
    }
  }
  return rooms;
}

describe("the sources", () => {
  it("import in the one direction", () => {
    const rooms = sourceRooms();
    expect(rooms.size).toBeGreaterThan(20);
    expect(offenses(rooms)).toEqual([]);
  });
});

describe("the table", () => {
  const check = (files: Record<string, string>) =>
    offenses(new Map(Object.entries(files).map(([room, text]) => [room, readRoom(room, text)])));

  it.each([
    ["words know no layer", "src/crud", `import { x } from "./map.js";`],
    ["nor its types", "src/crud", `import type { X } from "./map.js";`],
    ["a layer knows no transaction", "src/map", `import { x } from "./transaction.js";`],
    ["http starts no transaction itself", "src/http/http", `import { x } from "./transaction.js";`],
    ["a transaction knows no http", "src/transaction", `import { x } from "./http.js";`],
    ["the core knows no adapter", "src/index", `import { x } from "../adapters/express.js";`],
    ["no other adapter knows Koa", "adapters/express", `import type { Context } from "koa";`],
    ["nor the fetch adapter Node", "adapters/fetch", `import type { Server } from "node:http";`],
    ["no other adapter knows Nest", "adapters/express", `import { x } from "@nestjs/common";`],
    [
      "an adapter knows no inner room",
      "adapters/express",
      `import { x } from "../src/http/http.js";`,
    ],
    ["Kysely's values stay with persistence", "src/map", `import { sql } from "kysely";`],
    ["no Node in the core", "src/http/http", `import { createHash } from "node:crypto";`],
    ["not even late", "src/http/http", `const x = await import("node:crypto");`],
    ["nor by its old name", "src/http/http", `import { createHash } from "crypto";`],
    ["no framework in the core", "src/http/http", `import type { Request } from "express";`],
    [
      "the client knows no room of the server",
      "src/client/http",
      `import { x } from "../json.js";`,
    ],
    ["nor its types", "src/client/http", `import type { X } from "../result.js";`],
    ["nor a package", "src/client/http", `import type { X } from "@powersync/common";`],
    ["nor the server the client", "src/http/http", `import { x } from "./client/http.js";`],
    ["jose is the token room's", "src/http/http", `import { jwtVerify } from "jose";`],
    ["extensions are written", "src/map", `import { x } from "./crud";`],
    ["exports have names", "src/index", `export * from "./crud.js";`],
    ["re-exports are imports", "src/crud", `export { x } from "./map.js";`],
    ["a mixed import is one of values", "src/map", `import { type Kysely, sql } from "kysely";`],
    ["a room nobody knows", "src/elsewhere", ``],
  ])("%s", (_name, room, text) => {
    expect(check({ [room]: text })).toHaveLength(1);
  });

  it("allows what goes the right way", () => {
    expect(
      check({
        "src/map": `import { fatal } from "./errors.js"; import type { Rules } from "./rules.js";`,
        "src/rules": `import type { ExpressionBuilder } from "kysely";`,
        "src/persist/statements": `import { sql } from "kysely"; import type { Rule } from "../rules.js";`,
        "adapters/express": `import { createWrites } from "../src/index.js"; import type { IncomingMessage } from "node:http";`,
      }),
    ).toEqual([]);
  });

  it("finds cycles of values, not of types", () => {
    const there = `import { b } from "./authorize.js";`;
    expect(check({ "src/map": there, "src/authorize": `import { a } from "./map.js";` })).toEqual([
      "a cycle: src/map -> src/authorize -> src/map",
    ]);
    expect(
      check({ "src/map": there, "src/authorize": `import type { A } from "./map.js";` }),
    ).toEqual([]);
  });
});

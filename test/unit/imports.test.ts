/** The layers of the house as a table: which file may import which. A new file belongs in it. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

interface Layer {
  /** Paths without extension; `*` at the end stands for whatever is in the folder, but for what an earlier layer names. */
  readonly files: readonly string[];
  /** Layers whose values and types it may import, beside its own. */
  readonly below: readonly string[];
  /** Layers of which it may import types alone. */
  readonly types?: readonly string[];
  /** Packages and `node:` modules whose values it may import. */
  readonly packages?: readonly string[];
  readonly typePackages?: readonly string[];
}

/** From the bottom to the top. */
const layers: Readonly<Record<string, Layer>> = {
  model: {
    files: [
      "src/model",
      "src/errors",
      "src/events/events",
      "src/events/emit",
      "src/events/log-lines",
      "src/events/logger",
    ],
    below: [],
  },
  json: {
    files: [
      "src/wire/parse-json",
      "src/wire/parse-large",
      "src/wire/survey",
      "src/wire/serialize",
      "src/wire/bytes",
      "src/wire/slices",
      "src/wire/generated/*",
    ],
    below: [],
  },
  // The port, and the store that needs no database. Nothing of Kysely.
  store: {
    files: ["src/store/*"],
    below: ["model", "json"],
  },
  context: {
    files: ["src/context"],
    below: ["model", "store"],
    typePackages: ["kysely"],
  },
  wire: {
    files: [
      "src/wire/upload",
      "src/wire/entries",
      "src/wire/validation-messages",
      "src/wire/answer",
      "src/wire/limits",
    ],
    below: ["model", "json"],
  },
  generator: {
    files: [
      "src/wire/generate",
      "src/wire/generate-operations",
      "src/wire/clients/*",
      "src/admin/generate",
    ],
    below: [],
    packages: ["node:*", "ajv", "esbuild", "openapi-typescript", "yaml"],
  },
  options: {
    files: [
      "src/config/config",
      "src/config/letter-options",
      "src/pipeline/layers",
      "src/pipeline/table-rule",
      "src/pipeline/conflict/rule",
      "src/pipeline/conditions",
      "src/pipeline/standard-schema",
      "src/pipeline/mutators",
      "src/http/cors",
      "src/rls/rls",
      "src/check/mismatch",
      "src/check/client-schema",
      "src/dead-letters/types",
      "src/config/writes",
    ],
    below: ["model", "json", "store", "context", "wire"],
    typePackages: ["kysely"],
  },
  spelling: {
    files: ["src/config/nearest"],
    below: [],
  },
  // What may be written in the options, held against their types.
  shapes: {
    files: [
      "src/config/kinds",
      "src/config/rule-shape",
      "src/config/shapes",
      "src/config/config-shape",
    ],
    below: ["spelling"],
    types: ["model", "context", "wire", "options"],
    typePackages: ["kysely"],
  },
  // Options made of what was written for another endpoint.
  reference: {
    files: ["src/config/reference", "src/config/reference-types"],
    below: ["shapes", "options", "model", "context", "wire"],
  },
  // What a transaction asks of a guarded pool.
  poolRequests: {
    files: ["src/sql/pool-requests"],
    below: [],
  },
  sql: {
    files: ["src/sql/*"],
    below: ["model", "json", "store", "poolRequests", "shapes"],
    types: ["options"],
    packages: ["kysely"],
    typePackages: ["kysely/migration"],
  },
  // The store on MongoDB's driver, beside that on Kysely: neither knows the other.
  mongodb: {
    files: ["src/mongodb/*"],
    below: ["model", "json", "store"],
    packages: ["mongodb"],
  },
  pipeline: {
    files: ["src/pipeline/*"],
    below: ["spelling", "model", "json", "store", "context", "wire", "options"],
  },
  // What a transaction that fails becomes.
  letters: {
    files: [
      "src/dead-letters/created-rows",
      "src/dead-letters/row-hashes",
      "src/dead-letters/parents",
      "src/dead-letters/dependants",
      "src/dead-letters/payload",
      "src/dead-letters/quota",
      "src/dead-letters/rejections",
      "src/dead-letters/row-states",
      "src/dead-letters/query",
    ],
    below: ["model", "json", "store", "context", "wire", "options", "pipeline"],
  },
  gate: {
    files: ["src/rls/*"],
    below: ["model", "store", "context", "options"],
  },
  process: {
    files: ["src/process/*"],
    below: ["model", "json", "store", "context", "wire", "options", "pipeline", "letters"],
    types: ["gate"],
  },
  // What becomes of the letters, and what an operator asks: features on top of the process.
  features: {
    files: ["src/dead-letters/*", "src/check/*"],
    below: [
      "spelling",
      "model",
      "json",
      "store",
      "context",
      "wire",
      "options",
      "pipeline",
      "letters",
      "gate",
      "process",
    ],
  },
  http: {
    files: ["src/http/*"],
    below: ["model", "json", "store", "context", "wire", "options", "process"],
    types: ["pipeline"],
  },
  composition: {
    files: ["src/create-writes"],
    below: [
      "shapes",
      "model",
      "store",
      "context",
      "wire",
      "options",
      "sql",
      "pipeline",
      "letters",
      "gate",
      "process",
      "features",
      "http",
    ],
  },
  index: {
    files: ["src/index"],
    below: ["model", "store", "context", "wire", "options", "reference", "sql", "composition"],
    types: ["http"],
  },
  tokens: {
    files: ["src/jwt/*"],
    below: ["spelling", "shapes", "model", "context"],
    packages: ["jose"],
  },
  // Bundled for the browser, where nothing of the server's is.
  page: {
    files: ["src/admin/page/*"],
    below: ["json"],
  },
  admin: {
    files: ["src/admin/*"],
    below: ["shapes", "model", "json", "store", "context", "wire", "options", "letters", "http"],
  },
  // The command: an operator's process on Node, on top of everything.
  // Here, because the command opens files with it.
  sqliteDatabase: {
    files: ["adapters/sqlite"],
    below: ["poolRequests"],
    typePackages: ["kysely"],
  },
  cli: {
    files: ["src/cli/*"],
    below: [
      "model",
      "json",
      "store",
      "context",
      "wire",
      "options",
      "sql",
      "letters",
      "spelling",
      "audit",
      "sqliteDatabase",
    ],
    packages: ["node:*", "kysely"],
  },
  telemetry: {
    files: ["src/events/otel/*"],
    below: ["spelling", "model", "context", "http"],
    packages: ["@opentelemetry/api"],
  },
  // The device's side takes nothing of the server's along, and no package.
  client: {
    files: ["src/client/*"],
    below: [],
    // The contract's.
    types: ["json"],
  },
  // Speaks HTTP alone, and knows nothing of the server's own code.
  audit: {
    files: ["src/audit/*"],
    below: [],
  },
  // Before the other hosts, so that no other of them may know Koa.
  koa: {
    files: ["adapters/koa"],
    below: ["model", "context", "options", "index", "admin", "web", "hosts"],
    typePackages: ["koa"],
  },
  nest: {
    files: ["adapters/nest/*"],
    below: ["shapes", "model", "context", "options", "index", "admin", "web", "hosts"],
    types: ["store"],
    packages: ["@nestjs/common", "@nestjs/core"],
    typePackages: ["node:*"],
  },
  // What speaks the Web's words alone, and takes nothing of Node's along.
  web: {
    files: ["adapters/fetch", "adapters/host"],
    below: ["model", "context", "options", "composition", "index", "admin"],
  },
  pool: {
    files: ["adapters/pg", "adapters/pg-flight", "adapters/pg-connection"],
    below: ["poolRequests"],
    typePackages: ["pg"],
  },
  mysqlPool: {
    files: ["adapters/mysql2", "adapters/mysql2-together"],
    below: ["poolRequests"],
    packages: ["node:timers"],
  },
  hosts: {
    files: ["adapters/*"],
    below: ["model", "context", "options", "index", "admin", "web"],
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
    const layer = layerOf(room);
    if (layer === undefined) {
      found.push(`${room}.ts is in no layer: add it to the table in test/unit/imports.test.ts.`);
      continue;
    }
    for (const line of exportAll) {
      found.push(`${room}.ts:${line}: \`export *\`; name what is exported.`);
    }
    for (const { of, specifier, typeOnly, line } of imports) {
      const reason = refusal(layer, of, specifier, typeOnly);
      if (reason !== undefined) found.push(`${room}.ts:${line}: ${reason}`);
    }
  }
  return [...found, ...circles(rooms)];
}

function refusal(
  name: string,
  of: string,
  specifier: string,
  typeOnly: boolean,
): string | undefined {
  const layer = layers[name] as Layer;
  const what = typeOnly ? "types" : "values";
  if (specifier.startsWith(".")) {
    if (!specifier.endsWith(".js")) return `"${specifier}" has no .js extension.`;
    const target = layerOf(of);
    if (target === undefined) return `imports ${of}, which is in no layer.`;
    const allowed = [name, ...layer.below, ...(typeOnly ? (layer.types ?? []) : [])];
    return allowed.includes(target)
      ? undefined
      : `"${name}" imports ${what} of "${target}" (${of}).`;
  }
  const allowed = [...(layer.packages ?? []), ...(typeOnly ? (layer.typePackages ?? []) : [])];
  const known = allowed.some((one) =>
    one === "node:*" ? specifier.startsWith("node:") : packageOf(specifier) === one,
  );
  return known ? undefined : `"${name}" imports ${what} of the package "${specifier}".`;
}

function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function layerOf(room: string): string | undefined {
  const matches = (pattern: string) =>
    pattern.endsWith("*") ? room.startsWith(pattern.slice(0, -1)) : room === pattern;
  return Object.keys(layers).find((name) => layers[name]?.files.some(matches));
}

/** Of types, too: whoever reads one room would have to read the other. */
function circles(rooms: ReadonlyMap<string, Room>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const follow = (room: string, path: readonly string[]): void => {
    if (path.includes(room)) {
      found.push(`a circle: ${[...path.slice(path.indexOf(room)), room].join(" -> ")}`);
      return;
    }
    if (done.has(room)) return;
    for (const { of } of rooms.get(room)?.imports ?? []) follow(of, [...path, room]);
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
    ["the model knows no layer", "src/model", `import { x } from "./pipeline/map.js";`],
    ["nor its types", "src/model", `import type { X } from "./pipeline/map.js";`],
    [
      "a layer knows no transaction",
      "src/pipeline/map",
      `import { x } from "../process/transaction.js";`,
    ],
    ["a layer knows no SQL", "src/pipeline/map", `import type { X } from "../sql/dialect.js";`],
    ["nor does the process", "src/process/attempt", `import type { X } from "../sql/dialect.js";`],
    ["the port knows no SQL", "src/store/store", `import type { X } from "../sql/dialect.js";`],
    ["nor does MongoDB know SQL", "src/mongodb/store", `import { x } from "../sql/store.js";`],
    ["MongoDB's driver stays there", "src/pipeline/map", `import type { Db } from "mongodb";`],
    ["nor Kysely's types", "src/store/memory", `import type { Kysely } from "kysely";`],
    ["SQL knows no process", "src/sql/store", `import { x } from "../process/classify.js";`],
    [
      "a transaction knows no http",
      "src/process/transaction",
      `import { x } from "../http/body.js";`,
    ],
    ["the core knows no host", "src/index", `import { x } from "../adapters/express.js";`],
    ["no other host knows Koa", "adapters/express", `import type { Context } from "koa";`],
    ["nor the fetch host Node", "adapters/fetch", `import type { Server } from "node:http";`],
    ["no other host knows Nest", "adapters/express", `import { x } from "@nestjs/common";`],
    [
      "a host knows no inner file",
      "adapters/express",
      `import { x } from "../src/http/handler.js";`,
    ],
    ["Kysely's values stay with SQL", "src/pipeline/map", `import { sql } from "kysely";`],
    ["no Node in the core", "src/http/handler", `import { createHash } from "node:crypto";`],
    ["not even late", "src/http/handler", `const x = await import("node:crypto");`],
    ["nor by its old name", "src/http/handler", `import { createHash } from "crypto";`],
    ["no framework in the core", "src/http/handler", `import type { Request } from "express";`],
    [
      "the client knows nothing of the server",
      "src/client/http",
      `import { x } from "../wire/serialize.js";`,
    ],
    ["nor its types", "src/client/http", `import type { X } from "../model.js";`],
    ["nor a package", "src/client/http", `import type { X } from "@powersync/common";`],
    ["nor the server the client", "src/http/handler", `import { x } from "../client/http.js";`],
    ["jose is for tokens", "src/http/handler", `import { jwtVerify } from "jose";`],
    ["extensions are written", "src/pipeline/map", `import { x } from "../model";`],
    ["exports have names", "src/index", `export * from "./model.js";`],
    ["re-exports are imports", "src/model", `export { x } from "./pipeline/map.js";`],
    [
      "a mixed import is one of values",
      "src/pipeline/map",
      `import { type Kysely, sql } from "kysely";`,
    ],
    ["a file nobody knows", "src/elsewhere", ``],
  ])("%s", (_name, room, text) => {
    expect(check({ [room]: text })).toHaveLength(1);
  });

  it("allows what goes the right way", () => {
    expect(
      check({
        "src/pipeline/map": `import { fatal } from "../errors.js"; import type { Rules } from "./rules.js";`,
        "src/pipeline/table-rule": `import type { ExpressionBuilder } from "kysely";`,
        "src/sql/statements": `import { sql } from "kysely"; import type { Change } from "../store/store.js";`,
        "adapters/express": `import { createWrites } from "../src/index.js"; import type { IncomingMessage } from "node:http";`,
      }),
    ).toEqual([]);
  });

  it("finds circles, of types too", () => {
    for (const word of ["import", "import type"]) {
      expect(
        check({
          "src/pipeline/map": `${word} { b } from "./authorize.js";`,
          "src/pipeline/authorize": `${word} { a } from "./map.js";`,
        }),
      ).toEqual(["a circle: src/pipeline/map -> src/pipeline/authorize -> src/pipeline/map"]);
    }
  });
});

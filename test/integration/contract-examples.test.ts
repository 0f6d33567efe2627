/** The contract's examples, sent to the server: every request gets an answer of its schema, and every status is answered as the contract shows it. */
import { readFileSync } from "node:fs";
import { Ajv2020, type AnySchemaObject } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { powersyncWrites } from "../../adapters/fetch.js";
import { createWrites, forbidden, type WritesConfig } from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { byName, type TestPrincipal } from "../support/writes.js";

interface Media {
  readonly schema: AnySchemaObject;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
interface Answer {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, Media>>;
}
interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Answer>>;
}
interface Contract {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, Answer>> };
}

const contract = parse(
  readFileSync(new URL("../../src/wire/openapi.yaml", import.meta.url), "utf8"),
) as Contract;
const ajv = new Ajv2020({ strictTypes: false, logger: false });
ajv.addVocabulary(["discriminator", "components"]);
ajv.addSchema({ $id: "contract", components: contract.components });

const operations = Object.entries(contract.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);

function answerOf(operation: Operation, status: number): Answer {
  const answer = operation.responses[status] ?? {};
  const name = answer.$ref?.split("/").at(-1);
  return name === undefined ? answer : (contract.components.responses[name] ?? {});
}

const lists = { columns: { id: "uuid", name: "text", owner_id: "text" } } as const;
const todos = {
  columns: {
    id: "uuid",
    list_id: "uuid",
    description: { type: "text", nullable: false },
    completed: "boolean",
  },
} as const;

type Config = Partial<WritesConfig<TestPrincipal, unknown>>;

function handlerOf(config: Config = {}): (request: Request) => Promise<Response> {
  return powersyncWrites(
    createWrites<TestPrincipal, unknown>({
      authenticate: byName,
      database: memoryStore({ tables: { lists, todos } }),
      tables: { lists: { owner: "owner_id" }, todos: { access: "everyone" } },
      checkpoints: true,
      logger: false,
      ...config,
    }),
  );
}

function requestOf(
  path: string,
  method: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Request {
  return new Request(`http://server.test${path}`, {
    method: method.toUpperCase(),
    headers: { authorization: "Bearer ann", "content-type": "application/json", ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

/** The answer is one of the contract, with all the headers that it names. */
async function fits(response: Response, operation: Operation): Promise<unknown> {
  const answer = answerOf(operation, response.status);
  for (const name of Object.keys(answer.headers ?? {}))
    expect(response.headers.get(name), name).not.toBeNull();
  const media = answer.content?.["application/json"];
  if (media === undefined) {
    expect(Object.keys(answer.content ?? {})).toEqual(["application/yaml"]);
    return response.text();
  }
  const body: unknown = await response.json();
  const schema = JSON.parse(
    JSON.stringify(media.schema).replaceAll('"#/', '"contract#/'),
  ) as AnySchemaObject;
  expect(ajv.validate(schema, body) ? "" : ajv.errorsText()).toBe("");
  return body;
}

it.each(operations)("shows every answer of $method $path", ({ operation }) => {
  for (const status of Object.keys(operation.responses).map(Number)) {
    const { content = {} } = answerOf(operation, status);
    const { examples = {} } = content["application/json"] ?? {};
    if (content["application/yaml"] === undefined)
      expect(Object.keys(examples).length, `${status}`).toBeGreaterThan(0);
  }
});

it.each(operations)("takes the requests that it shows to $method $path", async (each) => {
  const { path, method, operation } = each;
  const { examples } = operation.requestBody?.content["application/json"] ?? {};
  const handle = handlerOf();
  for (const { value } of Object.values(examples ?? { none: { value: undefined } })) {
    const response = await handle(requestOf(path, method, value));
    expect(response.status).toBe(200);
    const body = await fits(response, operation);
    for (const result of (body as { results?: readonly object[] }).results ?? [])
      expect(result).toEqual({ status: "success" });
  }
});

/** How each status comes about. */
const refusals: Readonly<
  Record<
    number,
    { readonly config?: Config; readonly body?: string; readonly headers?: Record<string, string> }
  >
> = {
  400: { body: "{}" },
  401: { headers: { authorization: "" } },
  403: {
    config: {
      authenticate: () => {
        throw forbidden();
      },
    },
  },
  413: { body: JSON.stringify({ padding: "x".repeat(16_777_216) }) },
  415: { headers: { "content-encoding": "br" } },
  500: {
    config: {
      hooks: {
        validate: {
          before: () => {
            throw new Error("a bug");
          },
        },
      },
    },
    body: JSON.stringify({ transactions: [{ crud: [] }] }),
  },
  503: {
    config: {
      authenticate: () => {
        throw new Error("The identity provider is away.");
      },
    },
  },
};

describe("answers as the contract shows it:", () => {
  const upload = contract.paths["/api/data"]?.["post"];

  it.each(Object.entries(refusals))("%s", async (status, { config, body = "{}", headers }) => {
    const response = await handlerOf(config)(requestOf("/api/data", "POST", body, headers));
    expect(response.status).toBe(Number(status));
    if (upload === undefined) throw new Error("The contract has no upload.");
    const { examples = {} } = answerOf(upload, response.status).content?.["application/json"] ?? {};
    const shown = Object.values(examples).map(({ value }) => value);
    expect(shown).toContainEqual(await fits(response, upload));
  });

  it("404", async () => {
    // At another path a host says so in its own words; asked itself, the endpoint does.
    const writes = createWrites<TestPrincipal, unknown>({
      authenticate: byName,
      database: memoryStore({ tables: { lists } }),
      tables: { lists: { owner: "owner_id" } },
      logger: false,
    });
    const { status, headers, body } = await writes.handle({
      method: "GET",
      url: "/api/data",
      headers: new Headers(),
      body: async () => undefined,
      signal: new AbortController().signal,
    });
    const response = new Response(String(body), { status, headers: { ...headers } });
    expect(response.status).toBe(404);
    if (upload === undefined) throw new Error("The contract has no upload.");
    const { examples = {} } = answerOf(upload, 404).content?.["application/json"] ?? {};
    expect(Object.values(examples).map(({ value }) => value)).toContainEqual(
      await fits(response, upload),
    );
  });

  it("429", async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let entered: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const handle = handlerOf({
      limits: { concurrentRequests: 1 },
      hooks: {
        validate: {
          before: async (input) => {
            entered();
            await held;
            return input;
          },
        },
      },
    });
    const body = { transactions: [{ crud: [] }] };
    const first = handle(requestOf("/api/data", "POST", body));
    await inside;
    const response = await handle(requestOf("/api/data", "POST", body));
    release();
    expect((await first).status).toBe(200);
    expect(response.status).toBe(429);
    if (upload === undefined) throw new Error("The contract has no upload.");
    const { examples = {} } = answerOf(upload, 429).content?.["application/json"] ?? {};
    expect(Object.values(examples).map(({ value }) => value)).toContainEqual(
      await fits(response, upload),
    );
  });
});

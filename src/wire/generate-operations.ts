/** Makes `generated/operations.ts`: where each operation of the contract is, what it is sent, and a type for whoever answers it. */
import type {
  OpenAPI3,
  OperationObject,
  PathItemObject,
  ReferenceObject,
} from "openapi-typescript";

/** What the other routes follow. */
const root = "/api/data";
const methods = ["get", "put", "post", "delete", "patch"];

interface Operation {
  readonly id: string;
  readonly method: string;
  /** Behind the endpoint's own path. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly body: string;
  readonly answers: readonly { readonly status: string; readonly body: string }[];
}

export function operationsText(contract: OpenAPI3, banner: string): string {
  const all = operationsOf(contract);
  return [
    banner,
    'import type { components, operations } from "./generated/types.js";\n\n',
    'type Schemas = components["schemas"];\n\n',
    "/** An operation of the contract, by its `operationId`. */\n",
    "export type OperationId = keyof typeof operationRoutes;\n\n",
    "/** Where an operation is: its method, what follows the endpoint's path, and the part of the contract that it belongs to. */\n",
    "export interface OperationRoute {\n",
    `  readonly method: ${unionOf(all.map(({ method }) => method))};\n`,
    `  readonly path: ${unionOf(all.map(({ path }) => path))};\n`,
    `  readonly tag: ${unionOf(all.map(({ tag }) => tag))};\n`,
    "}\n\n",
    "export const operationRoutes = {\n",
    ...all.map(
      ({ id, method, path, tag }) => `  ${id}: ${JSON.stringify({ method, path, tag })},\n`,
    ),
    "} as const satisfies Readonly<Record<keyof operations, OperationRoute>>;\n\n",
    "/** What each operation is sent, as JSON. */\n",
    "export interface OperationBodies {\n",
    ...all.map(({ id, body }) => `  readonly ${id}: ${body};\n`),
    "}\n\n",
    "/** What each operation may be answered. A body is JSON, unless it is text. */\n",
    "export interface OperationAnswers {\n",
    ...all.flatMap(({ id, answers }) => [
      `  readonly ${id}:\n`,
      answers
        .map(({ status, body }) => `    | { readonly status: ${status}; readonly body: ${body} }`)
        .join("\n"),
      ";\n",
    ]),
    "}\n\n",
    handlers(all),
  ].join("");
}

function handlers(all: readonly Operation[]): string {
  return [
    "/**\n",
    " * Answers every operation. A request comes as the server has it, its body unread: authentication comes before validation. An answer may carry\n",
    " * more than the contract's, such as headers.\n",
    " */\n",
    "export interface OperationHandlers<Call, More = unknown> {\n",
    ...all.flatMap(({ id, summary }) => [
      `  /** ${summary}. */\n`,
      `  readonly ${id}: (call: Call) => Promise<OperationAnswers["${id}"] & More>;\n`,
    ]),
    "}\n",
  ].join("");
}

export function operationsOf({ paths = {}, components }: OpenAPI3): readonly Operation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as PathItemObject).flatMap(([method, value]) => {
      if (!methods.includes(method)) return [];
      const operation = value as OperationObject;
      const { operationId: id, tags, summary, requestBody, responses = {} } = operation;
      const [tag] = tags ?? [];
      if (!path.startsWith(root) || id === undefined || tag === undefined || summary === undefined)
        throw new Error(
          `${method} ${path} has no operationId, tag or summary, or is not below ${root}.`,
        );
      return {
        id,
        method: method.toUpperCase(),
        path: path.slice(root.length),
        tag,
        summary,
        body: requestBody === undefined ? "undefined" : schemaOf(requestBody),
        answers: byBody(
          Object.entries(responses).map(([status, response]) => ({
            status,
            body: schemaOf(resolved(response as Content | ReferenceObject, components)),
          })),
        ),
      };
    }),
  );
}

/** Statuses whose bodies are alike, as one. */
function byBody(answers: Operation["answers"]): Operation["answers"] {
  const bodies = [...new Set(answers.map(({ body }) => body))];
  return bodies.map((body) => ({
    status: answers.flatMap((answer) => (answer.body === body ? answer.status : [])).join(" | "),
    body,
  }));
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}

function resolved(
  response: Content | ReferenceObject,
  components: OpenAPI3["components"],
): Content {
  if (!("$ref" in response)) return response;
  const name = response.$ref.replace("#/components/responses/", "");
  const found = components?.responses?.[name];
  if (found === undefined) throw new Error(`There is no ${response.$ref}.`);
  return found as Content;
}

function schemaOf(holder: object): string {
  const { content = {} } = holder as Content;
  const json = content["application/json"]?.schema;
  if (json === undefined) return "string";
  if (!("$ref" in json) || typeof json.$ref !== "string")
    throw new Error("A body has no schema with a name.");
  return `Schemas["${json.$ref.replace("#/components/schemas/", "")}"]`;
}

function unionOf(texts: readonly string[]): string {
  return [...new Set(texts)].map((text) => JSON.stringify(text)).join(" | ");
}

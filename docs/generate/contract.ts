/** `docs/contract.md`: every operation, answer and shape of the contract, with its examples, as `openapi.yaml` has them. */
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { banner, code, paragraphs, table } from "./markdown.js";

interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
}

interface Media {
  readonly schema: Schema;
  readonly examples?: Readonly<
    Record<string, { readonly summary?: string; readonly value: unknown }>
  >;
}

interface Answer {
  readonly $ref?: string;
  readonly description?: string;
  readonly headers?: Readonly<Record<string, { readonly $ref: string }>>;
  readonly content?: Readonly<Record<string, Media>>;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly unknown[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Answer>>;
}

interface Contract {
  readonly info: { readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly responses: Readonly<Record<string, Answer>>;
    readonly schemas: Readonly<Record<string, Schema>>;
  };
}

export async function contractPage(): Promise<string> {
  const contract = parse(await readFile("src/wire/openapi.yaml", "utf8")) as Contract;
  const { info, paths, components } = contract;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      operationText(`${method.toUpperCase()} ${path}`, operation, components.responses),
    ),
  );
  return paragraphs(
    "# The contract",
    banner,
    `All of version ${info.version}: operations, answers and shapes. [The wire](wire.md) explains it, and lists [where PowerSync's reference contract differs](wire.md#beside-powersyncs-reference-contract). The same as OpenAPI 3.1 is in the package as \`powersync-writes/openapi.yaml\`, and at \`GET /api/data/openapi.yaml\` of a running endpoint. [Clients in seven languages](other-languages.md#clients) are made from it.`,
    titled(info.description),
    "## Operations",
    ...operations,
    "## Answers that operations share",
    ...Object.entries(sharedAnswers(contract)).map(([status, answer]) =>
      answerText(status, answer),
    ),
    "## Shapes",
    ...Object.entries(components.schemas).map(([name, schema]) => shapeText(name, schema)),
  );
}

/** The description's own headings, which are bold lines there. */
function titled(description: string): string {
  return description.replace(/^\*\*(.+)\*\*$/gm, "## $1").trim();
}

function operationText(
  title: string,
  { operationId, summary, description, security, requestBody, responses }: Operation,
  shared: Contract["components"]["responses"],
): string {
  const rows = Object.entries(responses).map(([status, answer]) => {
    const { description: about = "", content = {} } = resolved(answer, shared);
    const [media] = Object.values(content);
    const shown = answer.$ref === undefined ? status : `[${status}](#${status})`;
    return [shown, media === undefined ? "" : typeOf(media.schema), cell(about)];
  });
  const own = Object.values(responses).filter(({ $ref }) => $ref === undefined);
  const caller = security?.length === 0 ? "No credential is needed." : "";
  return paragraphs(
    `### \`${title}\``,
    `${summary} (\`${operationId}\`). ${caller}`.trim(),
    ...(description === undefined ? [] : [description.trim()]),
    ...(requestBody === undefined ? [] : bodyText(requestBody.content)),
    table(["status", "body", ""], rows),
    ...own.flatMap(({ content = {} }) => Object.values(content).flatMap(examplesOf)),
  ).trim();
}

function bodyText(content: Readonly<Record<string, Media>>): readonly string[] {
  return Object.entries(content).flatMap(([kind, media]) => [
    `The body is ${typeOf(media.schema)}, as \`${kind}\`.`,
    ...examplesOf(media),
  ]);
}

function examplesOf({ examples = {} }: Media): readonly string[] {
  return Object.values(examples).map(({ summary, value }) => {
    const json = `\`\`\`json\n${JSON.stringify(value, undefined, 2)}\n\`\`\``;
    return summary === undefined ? json : `${summary}:\n\n${json}`;
  });
}

/** By status, as the operations refer to them. */
function sharedAnswers({ paths, components }: Contract): Readonly<Record<string, Answer>> {
  const all = Object.values(paths).flatMap((methods) =>
    Object.values(methods).flatMap(({ responses }) => Object.entries(responses)),
  );
  return Object.fromEntries(
    all
      .filter(([, { $ref }]) => $ref !== undefined)
      .map(([status, answer]) => [status, resolved(answer, components.responses)]),
  );
}

function answerText(
  status: string,
  { description = "", headers = {}, content = {} }: Answer,
): string {
  const named = Object.keys(headers).filter((name) => name !== "x-correlation-id");
  return paragraphs(
    `### ${status}`,
    description.trim(),
    ...(named.length === 0 ? [] : [`With ${named.map(code).join(", ")}.`]),
    ...Object.values(content).flatMap(examplesOf),
  ).trim();
}

function shapeText(name: string, schema: Schema): string {
  const { description = "", properties, required = [] } = schema;
  const rows = Object.entries(properties ?? {}).map(([member, of]) => [
    code(member) + (required.includes(member) ? "" : "?"),
    typeOf(of),
    cell(of.description ?? ""),
  ]);
  return paragraphs(
    `### ${name}`,
    ...(description === "" ? [] : [description.trim()]),
    ...(rows.length === 0 ? [`${typeOf(schema)}.`] : [table(["member", "type", ""], rows)]),
  ).trim();
}

function typeOf(schema: Schema): string {
  const { $ref, type, enum: values, items, anyOf, oneOf } = schema;
  if ($ref !== undefined) {
    const name = nameOf($ref);
    return `[${name}](#${name.toLowerCase()})`;
  }
  const forms = oneOf ?? anyOf;
  if (forms !== undefined) return forms.map(typeOf).join(" or ");
  if (values !== undefined) return values.map(code).join(", ");
  if (items !== undefined) return `list of ${typeOf(items)}${boundsOf(schema)}`;
  return `${type === undefined ? "any JSON" : [type].flat().join(" or ")}${boundsOf(schema)}`;
}

function boundsOf({ minimum, maximum, minLength, maxLength, minItems, pattern }: Schema): string {
  const bounds = [
    minimum !== undefined && `from ${minimum}`,
    maximum !== undefined && `to ${maximum}`,
    minLength === 1 && "not empty",
    minItems !== undefined && `at least ${minItems}`,
    maxLength !== undefined && `at most ${maxLength} characters`,
    pattern !== undefined && code(pattern),
  ].filter((bound) => bound !== false);
  return bounds.length === 0 ? "" : `, ${bounds.join(" ")}`;
}

function resolved(answer: Answer, shared: Contract["components"]["responses"]): Answer {
  if (answer.$ref === undefined) return answer;
  const found = shared[nameOf(answer.$ref)];
  if (found === undefined) throw new Error(`There is no ${answer.$ref}.`);
  return found;
}

function nameOf(ref: string): string {
  return ref.split("/").at(-1) ?? ref;
}

/** Text of several lines and paragraphs, on one. */
function cell(text: string): string {
  return text
    .trim()
    .replaceAll("|", "\\|")
    .replaceAll(/\s*\n\s*/g, " ");
}

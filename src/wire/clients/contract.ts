/** The parts of the contract that a client in any language needs: its models and its routes. */
import type { OpenAPI3, SchemaObject } from "openapi-typescript";
import { operationsOf } from "../generate-operations.js";

/** `json`: any value. `values`: an object of any values, which may be `{}`. */
export type Kind = "text" | "integer" | "boolean" | "json" | "values" | "texts";

export interface Member {
  /** The name on the wire. */
  readonly name: string;
  readonly about: string;
  readonly optional: boolean;
  /** A plain type, or another model by its name; with `list`, a list of them. */
  readonly type: { readonly kind: Kind } | { readonly model: string; readonly list: boolean };
}

export interface Model {
  readonly name: string;
  readonly about: string;
  readonly members: readonly Member[];
}

export interface ClientContract {
  readonly version: string;
  /** The models that are sent. Each comes after the models that it consists of. */
  readonly sent: readonly Model[];
  readonly received: readonly Model[];
  /** By the operation's id: what follows the endpoint's path. */
  readonly paths: Readonly<Record<string, string>>;
}

type Schema = SchemaObject & {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema | undefined;
};
type Schemas = Readonly<Record<string, Schema>>;

/** What the contract says of a member that another one may stand for. Clients know one name of each. */
const eitherName = / This or `\w+` is required\./;

const sent = ["CrudEntry", "Transaction", "BatchUpload", "CheckpointBody", "CheckpointRequestBody"];
const received = [
  "FailedOperation",
  "TransactionResult",
  "BatchResponse",
  "CheckpointResponse",
  "CheckpointRequestResponse",
  "Limits",
  "Timeouts",
  "LimitsResponse",
  "Message",
];

/** @throws Error if the contract has something that the generators don't support */
export function clientContract(contract: OpenAPI3): ClientContract {
  const schemas = (contract.components?.schemas ?? {}) as Schemas;
  const others = otherNames(contract.info.description ?? "");
  const read = (name: string): Model => modelOf(name, schemas, others);
  return {
    version: contract.info.version,
    sent: sent.map(read),
    received: received.map(read),
    paths: Object.fromEntries(operationsOf(contract).map(({ id, path }) => [id, path])),
  };
}

/** The SDKs' names for what has a name in the write API: the second column of the contract's table. */
function otherNames(description: string): ReadonlySet<string> {
  const rows = description.matchAll(/^\| `\w+`[^|]*\|([^|]+)\|[^|]+\|$/gm);
  return new Set(
    [...rows].flatMap(([, names = ""]) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? ""),
    ),
  );
}

function modelOf(name: string, schemas: Schemas, others: ReadonlySet<string>): Model {
  const schema = schemas[name];
  if (schema === undefined) throw new Error(`The contract has no ${name}.`);
  const forms = (
    "oneOf" in schema ? (schema.oneOf as readonly { readonly $ref: string }[]) : []
  ).map(({ $ref }) => schemas[nameOf($ref)] ?? schema);
  const parts = forms.length === 0 ? [schema] : forms;
  const members = new Map<string, Member>();
  for (const part of parts) {
    for (const [member, type] of Object.entries(part.properties ?? {})) {
      if (others.has(member) || members.has(member)) continue;
      const named = type.description ?? schemas[nameOf(type.$ref ?? "")]?.description ?? "";
      const everywhere = parts.every(({ required }) => required?.includes(member));
      members.set(member, {
        name: member,
        about: named.replace(eitherName, ""),
        optional: !everywhere && !eitherName.test(named),
        type: typeOf(type, schemas),
      });
    }
  }
  return { name, about: schema.description ?? "", members: [...members.values()] };
}

function typeOf(schema: Schema, schemas: Schemas): Member["type"] {
  if (schema.$ref !== undefined) {
    const name = nameOf(schema.$ref);
    const to = schemas[name];
    if (to === undefined) throw new Error(`The contract has no ${name}.`);
    return received.includes(name) || sent.includes(name)
      ? { model: name, list: false }
      : typeOf(to, schemas);
  }
  if ("anyOf" in schema) return { kind: "text" };
  const [type] = [schema.type].flat();
  switch (type) {
    case "string":
      return { kind: "text" };
    case "integer":
      return { kind: "integer" };
    case "boolean":
      return { kind: "boolean" };
    case undefined:
      return { kind: "json" };
    case "object":
      return { kind: "values" };
    case "array": {
      if (schema.items === undefined) throw new Error("A list is of nothing.");
      const items = typeOf(schema.items, schemas);
      return "model" in items ? { ...items, list: true } : { kind: "texts" };
    }
    default:
      throw new Error(`No client knows the type ${String(type)}.`);
  }
}

function nameOf(ref: string): string {
  return ref.replace("#/components/schemas/", "");
}

/** `op_data` as `opData`. */
export function camel(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** `op_data` as `OpData`. */
export function pascal(name: string): string {
  const word = camel(name);
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** A description as comment lines, each beginning with `mark`. */
export function comment(about: string, mark: string): string {
  const text = about.trim();
  return text === ""
    ? ""
    : text
        .split("\n")
        .map((line) => `${mark} ${line}`.trimEnd())
        .join("\n")
        .concat("\n");
}

/** The notice at the top of every file. */
export function notice({ version }: ClientContract, mark: string): string {
  return comment(
    `A client of the write endpoint, by version ${version} of its contract: models, and what to do with each answer.\nMade from openapi.yaml by npm run generate. Copy it into your project.`,
    mark,
  );
}

/** Fills a template: `{{NAME}}` is replaced by the value with that name. */
export function filled(template: string, parts: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`Nothing is given for ${name}.`);
    return part;
  });
}

/**
 * Makes `generated/` from `openapi.yaml`: the types, the compiled validators and the text that the server hands out; `examples/clients`, the clients in
 * other languages; and `src/admin/generated`.
 * Run it after every change of the contract or of `src/admin/page`; `--check` writes nothing, names the stale files and exits 1.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Ajv2020, type AnySchemaObject } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import { build } from "esbuild";
import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import { parse } from "yaml";
import { generatePage } from "../admin/generate.js";
import { generateClients } from "./clients/generate.js";
import { operationsText } from "./generate-operations.js";

const banner = "// Made from openapi.yaml by generate.ts. Change those, never this file.\n";
const here = new URL("./", import.meta.url);
const schemaRef = "#/components/schemas/";

type JsonSchemas = Record<string, AnySchemaObject>;
type Contract = OpenAPI3 & { components: { schemas: JsonSchemas } };

/** The generated files by name. */
export async function generate(yaml: string): Promise<Record<string, string>> {
  const contract = parse(yaml) as Contract;
  return {
    "openapi.ts": openapiText(yaml),
    "version.ts": [
      banner,
      "/** The contract's version. */\n",
      `export const contractVersion = ${JSON.stringify(contract.info.version)};\n`,
    ].join(""),
    "types.ts":
      banner + astToString(await openapiTS(structuredClone(contract), { immutable: true })),
    "operations.ts": operationsText(contract, banner),
    "validate.js": await validators(contract.components.schemas),
    "validate.d.ts": validatorTypes,
  };
}

/** Line by line, so that a change of the contract is a readable change here. */
function openapiText(yaml: string): string {
  const lines = yaml.split("\n").map((line) => `  ${JSON.stringify(line)},\n`);
  return [
    banner,
    "/** The contract itself, as `GET {path}/openapi.yaml` hands it out. */\n",
    `export const openapiYaml = [\n${lines.join("")}].join("\\n");\n`,
  ].join("");
}

/**
 * One file without imports: Ajv's own output asks for CommonJS helpers, which esbuild takes in.
 * Ajv stops at the first error, so hostile input can't make it collect a long list.
 */
async function validators(schemas: JsonSchemas): Promise<string> {
  const ajv = new Ajv2020({
    code: { esm: true, source: true, lines: true },
    // The only length in the contract is "not empty": no need to count code points.
    unicode: false,
    logger: false,
    strictTypes: false,
  });
  ajv.addVocabulary(["discriminator", "example"]);
  for (const [name, schema] of Object.entries(schemas)) ajv.addSchema(forAjv(schema), name);
  ajv.addSchema(forAjv(envelope(schemas)), "Envelope");

  const { outputFiles } = await build({
    stdin: {
      contents: standalone.default(ajv, {
        validateEnvelope: "Envelope",
        validateTransaction: "Transaction",
        validateDemoBatch: "DemoUpload",
        validateCheckpoint: "CheckpointBody",
        validateCheckpointRequest: "CheckpointRequestBody",
      }),
      resolveDir: fileURLToPath(here),
      sourcefile: "validate.js",
    },
    absWorkingDir: fileURLToPath(new URL("../../", here)),
    bundle: true,
    format: "esm",
    legalComments: "none",
    logLevel: "warning",
    platform: "neutral",
    target: "es2022",
    treeShaking: true,
    write: false,
  });
  return `${banner}${outputFiles[0]?.text ?? ""}`;
}

/** What must hold before the transactions are looked at one by one: a batch of anything, or another shape. */
function envelope(schemas: JsonSchemas): AnySchemaObject {
  const schema = structuredClone(schemas.BatchUpload);
  if (schema?.properties?.transactions === undefined)
    throw new Error("BatchUpload has no transactions.");
  delete schema.required;
  delete schema.properties.transactions.items;
  schema.properties.transactions.type = ["array", "null"];
  return schema;
}

/** Ajv knows each component by its bare name, and has no use for the prose. */
function forAjv(schema: AnySchemaObject): AnySchemaObject {
  const bare = JSON.stringify(schema, (key, value: unknown) =>
    key === "description" && typeof value === "string" ? undefined : value,
  );
  return JSON.parse(bare.replaceAll(`"${schemaRef}`, '"')) as AnySchemaObject;
}

const validatorTypes = `${banner}import type { components } from "./generated/types.js";

type Schemas = components["schemas"];

export interface ValidationError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** \`errors\` belongs to the latest call: read it at once. */
export interface Validator<T> {
  (data: unknown): data is T;
  readonly errors?: readonly ValidationError[] | null;
}

/** Looks at the envelope alone: \`transactions\`, if present, holds anything; \`crud\` and \`batch\` are anything. */
export declare const validateEnvelope: Validator<
  Pick<Schemas["BatchUpload"], "client_id" | "clientId" | "queue_id" | "queueId"> & {
    readonly transactions?: readonly unknown[] | null;
    readonly crud?: unknown;
    readonly batch?: unknown;
  }
>;
export declare const validateTransaction: Validator<Schemas["Transaction"]>;
export declare const validateDemoBatch: Validator<Schemas["DemoUpload"]>;
export declare const validateCheckpoint: Validator<Schemas["CheckpointBody"]>;
export declare const validateCheckpointRequest: Validator<Schemas["CheckpointRequestBody"]>;
`;

/** Writes what has changed, or with `check` only finds it. */
async function main(check: boolean): Promise<void> {
  const yaml = await readFile(new URL("openapi.yaml", here), "utf8");
  await write("src/wire/generated", await generate(yaml), check);
  await write("examples/clients", await generateClients(parse(yaml) as Contract), check);
  await write("src/admin/generated", await generatePage(), check);
}

async function write(
  path: string,
  files: Readonly<Record<string, string>>,
  check: boolean,
): Promise<void> {
  const folder = new URL(`../../${path}/`, here);
  const stale: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const file = new URL(name, folder);
    if ((await readFile(file, "utf8").catch(() => undefined)) === text) continue;
    stale.push(name);
    if (check) continue;
    await mkdir(new URL(".", file), { recursive: true });
    await writeFile(file, text);
  }
  if (stale.length === 0) console.log(`${path} is up to date.`);
  else console.log(`${check ? "Stale" : "Written"} in ${path}: ${stale.join(", ")}`);
  if (check && stale.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await main(process.argv.includes("--check"));

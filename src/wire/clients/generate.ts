/** Makes `examples/clients`: in each language one file, of models made from the contract and a client from a template. */
import { readFile } from "node:fs/promises";
import type { OpenAPI3 } from "openapi-typescript";
import { type ClientContract, clientContract, filled, notice } from "./contract.js";
import { csharpModels, goModels, swiftModels, typescriptModels } from "./models-declared.js";
import { dartModels, kotlinModels, pythonModels } from "./models-converting.js";

interface Language {
  readonly name: string;
  readonly file: string;
  readonly comment: string;
  readonly models: (contract: ClientContract) => string;
}

const languages: readonly Language[] = [
  { name: "csharp", file: "PowerSyncWrites.cs", comment: "//", models: csharpModels },
  { name: "dart", file: "powersync_writes.dart", comment: "//", models: dartModels },
  { name: "go", file: "powersync_writes.go", comment: "//", models: goModels },
  { name: "kotlin", file: "PowerSyncWrites.kt", comment: "//", models: kotlinModels },
  { name: "python", file: "powersync_writes.py", comment: "#", models: pythonModels },
  { name: "swift", file: "PowerSyncWrites.swift", comment: "//", models: swiftModels },
  { name: "typescript", file: "powersync-writes.ts", comment: "//", models: typescriptModels },
];

/** The files by name, such as `go/powersync_writes.go`. */
export async function generateClients(contract: OpenAPI3): Promise<Record<string, string>> {
  const read = clientContract(contract);
  const files = languages.map(async ({ name, file, comment, models }) => {
    const template = new URL(`templates/${name}.template`, import.meta.url);
    const text = filled(await readFile(template, "utf8"), {
      ...read.paths,
      NOTICE: notice(read, comment),
      MODELS: models(read).trimEnd(),
    });
    return [`${name}/${file}`, text] as const;
  });
  return Object.fromEntries(await Promise.all(files));
}

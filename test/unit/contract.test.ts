import { readFileSync } from "node:fs";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Ajv2020, type AnySchemaObject } from "ajv/dist/2020.js";
import { describe, expect, expectTypeOf, it } from "vitest";
import { parse } from "yaml";
import { generate } from "../../src/wire/generate.js";
import { openapiYaml } from "../../src/wire/generated/openapi.js";
import { contractVersion } from "../../src/wire/generated/version.js";
import type { components } from "../../src/wire/generated/types.js";
import {
  validateDemoBatch,
  validateEnvelope,
  validateTransaction,
} from "../../src/wire/generated/validate.js";
import { defaultLimits } from "../../src/wire/limits.js";
import type { LibraryErrorCode } from "../../src/model.js";
import { normalizeUpload } from "../../src/wire/upload.js";

interface Media {
  schema: AnySchemaObject;
  examples?: Record<string, { value: unknown }>;
}
interface Answer {
  $ref?: string;
  headers?: Record<string, unknown>;
  content?: Record<string, Media>;
}
interface Operation {
  security?: unknown[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, Answer>;
}
interface Contract {
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, AnySchemaObject>; responses: Record<string, Answer> };
}

const folder = new URL("../../src/wire/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), "utf8");
const yaml = read("openapi.yaml");
const contract = parse(yaml) as Contract;
const upload = contract.paths["/api/data"]?.post as Operation;

describe("the generated files", () => {
  it("are those of the contract", async () => {
    for (const [name, text] of Object.entries(await generate(yaml))) {
      expect(read(`generated/${name}`) === text, `${name} is stale: run src/wire/generate.ts`).toBe(
        true,
      );
    }
  });

  it("hold the contract as it is", () => {
    expect(openapiYaml).toBe(yaml);
    expect(contractVersion).toBe(contract.info.version);
  });

  it("run where code from text is forbidden and nothing can be required", () => {
    const code = read("generated/validate.js");
    expect(code).not.toMatch(/new Function|\beval\b|\brequire\s*\(|^\s*import\b|\bimport\s*\(/m);
    expect(read("generated/openapi.ts")).not.toMatch(/^\s*import\b|node:/m);
  });
});

describe("the contract", () => {
  const ajv = new Ajv2020({ strictTypes: false, logger: false });
  ajv.addVocabulary(["discriminator", "components"]);
  ajv.addSchema({ $id: "contract", components: contract.components });
  /** What is wrong with a value, in Ajv's words; nothing if it fits. */
  const faults = ({ $ref }: AnySchemaObject, value: unknown): string =>
    ajv.validate({ $ref: `contract${String($ref)}` }, value)
      ? ""
      : `${String($ref)}: ${ajv.errorsText()}`;
  const operations = Object.entries(contract.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => [`${method} ${path}`, operation] as const),
  );
  const answerOf = (answer: Answer): Answer =>
    answer.$ref === undefined
      ? answer
      : (contract.components.responses[answer.$ref.split("/").at(-1) ?? ""] ?? {});

  it("shows requests that the compiled validators accept", () => {
    const examples = Object.values(upload.requestBody?.content["application/json"]?.examples ?? {});
    expect(examples.length).toBeGreaterThan(3);
    for (const { value } of examples) {
      expect(faults({ $ref: "#/components/schemas/UploadRequest" }, value)).toBe("");
      const body = value as Record<string, unknown>;
      expect(validateEnvelope(body)).toBe(true);
      expect(body.crud === undefined || validateTransaction(body)).toBe(true);
      expect(body.batch === undefined || validateDemoBatch(body)).toBe(true);
      expect(
        ((body.transactions ?? []) as unknown[]).every((each) => validateTransaction(each)),
      ).toBe(true);
      for (const transaction of normalizeUpload(body, defaultLimits).transactions) {
        expect(transaction).toHaveProperty("crud");
      }
    }
  });

  it.each(operations)("shows answers of %s that fit their schemas", (_name, operation) => {
    for (const answer of Object.values(operation.responses).map(answerOf)) {
      const { schema, examples = {} } = answer.content?.["application/json"] ?? { schema: {} };
      for (const { value } of Object.values(examples)) expect(faults(schema, value)).toBe("");
    }
  });

  it.each(operations)("gives every answer of %s its headers", (_name, operation) => {
    const more: Record<string, string[]> = {
      401: ["WWW-Authenticate"],
      429: ["Retry-After"],
      503: ["Retry-After"],
    };
    for (const [status, answer] of Object.entries(operation.responses)) {
      const headers = Object.keys(answerOf(answer).headers ?? {});
      expect(headers).toEqual(
        expect.arrayContaining(["x-correlation-id", ...(more[status] ?? [])]),
      );
    }
  });

  it("knows every status of an upload", () => {
    expect(Object.keys(upload.responses)).toEqual([
      "200",
      "400",
      "401",
      "403",
      "404",
      "413",
      "415",
      "429",
      "500",
      "503",
    ]);
  });

  it("is a document that a linter has nothing to say of", async () => {
    const config = await createConfig({ extends: ["recommended-strict"] });
    const problems = async (source: string) =>
      (await lintFromString({ source, absoluteRef: "openapi.yaml", config })).map(
        ({ ruleId, message }) => `${ruleId}: ${message}`,
      );
    expect(await problems(yaml)).toEqual([]);
    // It does look.
    const broken = yaml.replace("operationId: putRow", "operationId: patchRow");
    expect(await problems(broken)).toEqual([expect.stringContaining("operationId")]);
  });

  it("never forbids unknown members", () => {
    expect(yaml).not.toMatch(/(additional|unevaluated)Properties: false/);
  });

  it("names the library's error codes and default limits", () => {
    expectTypeOf<components["schemas"]["LibraryErrorCode"]>().toEqualTypeOf<LibraryErrorCode>();
    const limits =
      contract.paths["/api/data/limits"]?.get?.responses["200"]?.content?.["application/json"];
    expect(limits?.examples?.default?.value).toMatchObject({
      contract_version: contractVersion,
      limits: {
        body_bytes: defaultLimits.bodyBytes,
        transactions: defaultLimits.transactions,
        operations: defaultLimits.operations,
        depth: defaultLimits.depth,
        keys: defaultLimits.keys,
        values: defaultLimits.values,
        string_length: defaultLimits.stringLength,
      },
    });
  });
});

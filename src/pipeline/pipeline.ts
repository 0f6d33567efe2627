/** Every layer as the requests will run it: the default, the application's replacement, the hooks around both. */
import { authorizer, sameRow } from "./authorize.js";
import type { WritesConfig } from "../config.js";
import { storeDeadLetter } from "../sql/letter-insert.js";
import type { Emit } from "../events.js";
import {
  type Hooks,
  layer,
  type LayerFunction,
  type LayerHook,
  type LayerName,
  type Layers,
  type Principal,
  replaceable,
} from "./layers.js";
import type { Limits } from "../wire/limits.js";
import { type Lookups, mapper } from "./map.js";
import type { Own } from "../sql/tables.js";
import { type ConvertRow, createConvertRow } from "../sql/convert.js";
import type { Connection } from "../sql/dialect.js";
import { persister } from "../sql/write.js";
import { lookUp, rowReader } from "../sql/read.js";
import { type Catalog, schemaMissing } from "../sql/schema.js";
import type { Rules } from "./rules.js";
import type { ReadRow } from "./stored-row.js";
import { createReject, type Reject } from "../dead-letters/rejections.js";
import type { DeadLetter } from "../model.js";
import { normaliseUpload } from "../wire/upload.js";

export type Pipeline<P extends Principal, DB> = {
  readonly [Name in LayerName]: LayerFunction<Layers<P, DB>[Name]>;
} & {
  /** For `context.stored()`. */
  readonly readRow: ReadRow<P, DB>;
};

interface PipelineParts<P extends Principal, DB> {
  readonly rules: Rules<P, DB>;
  readonly limits: Limits;
  readonly catalog: Catalog;
  readonly emit: Emit;
  readonly own: Own;
}

export function createPipeline<P extends Principal, DB>(
  config: WritesConfig<P, DB>,
  { rules, limits, catalog, emit, own }: PipelineParts<P, DB>,
): Pipeline<P, DB> {
  const convertRow = createConvertRow(catalog, emit);
  const allHooks = hooksOf(config);
  const hooks = <Name extends LayerName>(name: Name): LayerHook<Layers<P, DB>[Name]>[] =>
    allHooks.flatMap((each) => each[name] ?? []);

  return {
    authenticate: layer(async (request) => config.authenticate(request), hooks("authenticate")),
    validate: layer(
      replaceable(async (body) => normaliseUpload(body, limits), config.validate),
      hooks("validate"),
    ),
    map: layer(
      replaceable(mapper(rules, lookups(catalog, emit, convertRow)), config.map),
      hooks("map"),
    ),
    authorize: layer(authorizer(rules, config.authorize), hooks("authorize"), {
      after: sameRow,
    }),
    persist: layer(
      replaceable(persister(rules, { catalog, convertRow, emit }), config.persist),
      hooks("persist"),
      {
        before: sameRow,
      },
    ),
    deadLetter: rejecting(
      layer(
        replaceable(
          storeDeadLetter<P, DB>(own, config.deadLetters?.keepPrincipal ?? true),
          config.deadLetter,
        ),
        hooks("deadLetter"),
      ),
      config.rejections && createReject(config.rejections, { catalog, convertRow, emit }),
    ),
    respond: layer(async (response) => response, hooks("respond")),
    readRow: rowReader(rules, convertRow),
  };
}

/** The device hears of what has been stored, in the same transaction. */
function rejecting<P extends Principal, DB>(
  store: LayerFunction<Layers<P, DB>["deadLetter"]>,
  reject: Reject<P, DB> | undefined,
): LayerFunction<Layers<P, DB>["deadLetter"]> {
  if (reject === undefined) return store;
  return async (letter, context) => {
    // One of the application's own may give nothing back, whatever its type says.
    const stored = ((await store(letter, context)) as DeadLetter | undefined) ?? letter;
    await reject(stored, context);
    return stored;
  };
}

export function hooksOf<P extends Principal, DB>({
  hooks,
}: WritesConfig<P, DB>): readonly Hooks<P, DB>[] {
  if (hooks === undefined) return [];
  return isList(hooks) ? hooks : [hooks];
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** What the mapper asks the database. A column that the schema did not show when it was last read is looked for again. */
function lookups<P extends Principal, DB>(
  catalog: Catalog,
  emit: Emit,
  convertRow: ConvertRow,
): Lookups<P, DB> {
  return {
    columnsOf: async ({ table }, context, unknown) => {
      const tx = context.tx as unknown as Connection;
      const known = await catalog.read(tx, table);
      const schema = known?.names.has(unknown) ? known : await catalog.reread(tx, table);
      if (schema === undefined) throw schemaMissing(emit, context, { table });
      return schema.names;
    },
    lookUp: (reference, value, context) => lookUp(convertRow, reference, value, context),
  };
}

/** Kinds that more than one part of the configuration uses. */
import type { OwnTable, OwnTablesOptions } from "./config.js";
import { type Kind, object, text, worded } from "./kinds.js";

/** A kind for each option of a type. The compiler refuses a kind that is missing, and one for an option that the type does not have. */
export type ShapeOf<Options> = Readonly<Record<keyof Options, Kind>>;

/** The kind of the options of `limits`, and of other options that limit a number. */
export const limit: Kind = {
  words: "a whole number above 0, or Infinity for no limit",
  fits: (value) => value === Infinity || (Number.isSafeInteger(value) && (value as number) > 0),
};

/** The kind of an endpoint's path, in the form that routers use. */
export const path: Kind = {
  words: 'a path that begins with "/"',
  fits: (value) => typeof value === "string" && value.startsWith("/"),
};

const ownTable = worded("a table's name", text);

/** The kind of `createTables`' options and of `ownTables` in the configuration. */
export const ownTables = object(
  {
    schema: worded("a schema's name", text),
    names: object(
      {
        powersync_ledger: ownTable,
        powersync_devices: ownTable,
        powersync_accounts: ownTable,
        powersync_named: ownTable,
        powersync_versions: ownTable,
        powersync_dead_letters: ownTable,
        powersync_letter_parts: ownTable,
        powersync_letter_rows: ownTable,
        powersync_checkpoints: ownTable,
        powersync_attempts: ownTable,
        powersync_migrations: ownTable,
      } satisfies Record<OwnTable, Kind>,
      "an object of names by the tables' default names",
    ),
  } satisfies ShapeOf<OwnTablesOptions>,
  "an object { schema, names }",
);

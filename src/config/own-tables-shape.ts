/** The options of the library's own tables, as data, to be checked at the start. */
import type { OwnTable, OwnTablesOptions } from "./config.js";
import { type Kind, object, text, worded } from "./kinds.js";
import type { ShapeOf } from "./rule-shape.js";

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

/** The sub-commands. A new one is a line here. */
import type { Command } from "./command.js";

export const commands: readonly Command[] = [
  {
    name: "check",
    summary: "compare the rules with the database and the client schema",
    run: async (args, io) => (await import("./check.js")).check(args, io),
  },
  {
    name: "tables",
    summary: "create the library's own tables, or print their SQL",
    run: async (args, io) => (await import("./tables.js")).tables(args, io),
  },
  {
    name: "letters",
    summary: "list, show, edit, retry, discard and export dead letters",
    run: async (args, io) => (await import("./letters.js")).letters(args, io),
  },
];

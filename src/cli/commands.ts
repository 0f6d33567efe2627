/** The sub-commands. A new one is a line here. */
import type { Command } from "./command.js";

export const commands: readonly Command[] = [
  {
    name: "init",
    summary: "write a configuration and a server from a database or a client schema",
    run: async (args, io) => (await import("./init.js")).init(args, io),
  },
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
  {
    name: "doctor",
    summary: "examine a running deployment and its database",
    run: async (args, io) => (await import("./doctor.js")).doctor(args, io),
  },
  {
    name: "audit",
    summary: "hold any write endpoint to the contract, over HTTP alone",
    run: async (args, io) => (await import("../audit/command.js")).auditCommand(args, io),
  },
];

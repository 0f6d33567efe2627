/** Follows one page to the letter, in an empty folder, and looks for the row in Postgres. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { createPostgresDatabase } from "../support/databases.js";
import { type Step, stepsOf } from "./blocks.js";
import { Terminal } from "./terminal.js";

export interface Page {
  readonly file: string;
  readonly heading?: string;
}

export interface Packed {
  /** The package as `npm pack` makes it. */
  readonly tarball: string;
  /** The same, unpacked. */
  readonly unpacked: string;
  readonly version: string;
  /** A folder with `node`, `deno`, `bun` and `bunx`. */
  readonly programs: string;
}

/** @throws what went wrong, with what the failed command has printed */
export async function paste(page: Page, packed: Packed): Promise<void> {
  const steps = await stepsOf(page.file, page.heading);
  const folder = await mkdtemp(join(tmpdir(), "quickstart-"));
  const database = await createPostgresDatabase();
  const terminals = [new Terminal(folder, packed.programs)];
  try {
    const port = await freePort();
    const own = (text: string) => substituted(text, packed, database.url, port);
    await follow(steps, { folder, terminals, own, port, packed });
    await checkRows(database.url);
  } finally {
    await Promise.all(terminals.map((terminal) => terminal.close()));
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * ALL that is not as the page says it:
 * the package is the one that was packed right now, because the registry may have none or another version,
 * the database is one of this run's own, and so is the port.
 */
function substituted(text: string, packed: Packed, url: string, port: string): string {
  return text
    .replace(/^((?:npm install|bun add)\b.*) powersync-writes\b/gm, `$1 ${packed.tarball}`)
    .replace(/^(deno add\b.*) npm:powersync-writes\b/gm, `${linkForDeno(packed)}\n$1`)
    .replaceAll("postgres://postgres@127.0.0.1:5432/postgres", url)
    .replaceAll(":3000", `:${port}`)
    .replaceAll(/\b3000\b/g, port);
}

/** Deno adds no tarball. It takes a package from a folder, under a name that the project imports. */
function linkForDeno({ unpacked, version }: Packed): string {
  const config = {
    nodeModulesDir: "auto",
    links: [unpacked],
    imports: { "powersync-writes": `npm:powersync-writes@${version}` },
  };
  return `echo '${JSON.stringify(config)}' > deno.json`;
}

interface Desk {
  readonly folder: string;
  readonly terminals: Terminal[];
  readonly own: (text: string) => string;
  readonly port: string;
  readonly packed: Packed;
}

async function follow(steps: readonly Step[], desk: Desk): Promise<void> {
  const { terminals, own } = desk;
  let terminal = terminals[0] as Terminal;
  let project = desk.folder;
  let printed = "";
  /** The upload, which the page says can be sent again. */
  let upload: { commands: string; printed: string } | undefined;
  for (const step of steps) {
    const text = own(step.text);
    if (step.kind === "file") {
      await writeFile(join(project, step.name), text);
    } else if (step.kind === "server") {
      await terminal.serve(text, `http://127.0.0.1:${desk.port}`);
      terminal = new Terminal(desk.folder, desk.packed.programs);
      terminals.push(terminal);
    } else if (step.kind === "commands") {
      const done = await terminal.paste(text);
      printed = done.printed;
      project = done.folder;
      if (text.includes("curl ")) upload = { commands: text, printed };
    } else if (!lines(printed).includes(lines(text))) {
      throw new Error(`This was to be printed:\n${text}\nThis was:\n${printed}`);
    }
  }
  if (upload === undefined) throw new Error("The page uploads nothing.");
  const curl = upload.commands.slice(upload.commands.indexOf("curl "));
  const again = await terminal.paste(curl);
  if (again.printed.trim() !== upload.printed.trim())
    throw new Error(`Sent again, the upload was answered otherwise:\n${again.printed}`);
}

function lines(text: string): string {
  return text
    .trim()
    .split("\n")
    .map((line) => line.trim())
    .join("\n");
}

async function checkRows(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query("select name, owner_id from lists");
    const ledger = await client.query("select answer from powersync_ledger");
    if (JSON.stringify(rows) !== '[{"name":"Groceries","owner_id":"alice"}]')
      throw new Error(`In "lists" is ${JSON.stringify(rows)}.`);
    if (ledger.rowCount !== 1) throw new Error(`The ledger has ${ledger.rowCount} rows, not 1.`);
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<string> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return String(port);
}

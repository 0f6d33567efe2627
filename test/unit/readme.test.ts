/** The code blocks of README and docs that begin with a file's name compile, and those of docs/mounting.md do what the text around them says. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { build } from "esbuild";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createPostgresDatabase } from "../support/databases.js";
import { sourceConfig } from "../support/source-config.js";
import { postgresAvailable } from "../support/servers.js";

const run = promisify(execFile);

/** The servers for Node in docs/mounting.md. */
const programs = ["express.ts", "koa.ts", "nest.ts", "node.ts"];

type Host = "Node" | "Bun" | "Deno";

interface Block {
  /** The page, without its folder and its `.md`. */
  readonly page: string;
  readonly language: string;
  /** From a first line `// name.ts`. */
  readonly name: string | undefined;
  readonly text: string;
}

const readme = await blocksOf("README.md");
const docs = (
  await Promise.all(
    (await readdir("docs"))
      .filter((file) => file.endsWith(".md"))
      .map((file) => blocksOf(`docs/${file}`)),
  )
).flat();
/** Pages that are pasted as a whole (`npm run quickstarts`): each has a `server.ts` of its own. */
const isAlone = ({ page }: Block) => page === "README" || page.startsWith("quickstart-");

/** Blocks that are files. What Deno and Bun have as globals is known to them alone: `npm run quickstarts` has them check these pages. */
const isCompiled = (block: Block): block is Block & { readonly name: string } =>
  block.name !== undefined && !/^quickstart-(?:hono-deno|bun)$/.test(block.page);

async function blocksOf(file: string): Promise<readonly Block[]> {
  const fences = (await readFile(file, "utf8")).matchAll(/^```(\w*)(?: server)?\n(.*?)^```$/gms);
  return Array.from(fences, ([, language = "", text = ""]) => ({
    page: basename(file, ".md"),
    language,
    name: /^\/\/ ([\w.-]+\.ts)\n/.exec(text)?.[1],
    text,
  }));
}

describe("commands", () => {
  const lines = readme
    .filter(({ language }) => language === "sh")
    .flatMap(({ text }) => text.split("\n"));

  it("are the two for this repository, each on a line of its own", () => {
    expect(lines).toEqual(expect.arrayContaining(["npm ci", "npm start", "npm test"]));
  });

  it("have their scripts", async () => {
    const { scripts } = JSON.parse(await readFile("package.json", "utf8"));
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["start", "test", "build"]));
  });
});

describe("code", async () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "readme-"));
    await symlink(resolve("node_modules"), join(folder, "node_modules"));
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(sourceConfig()));
    await Promise.all(
      [...readme, ...docs].filter(isCompiled).map(async (block) => {
        const place = isAlone(block) ? join(folder, block.page) : folder;
        await mkdir(place, { recursive: true });
        await writeFile(join(place, block.name), block.text);
      }),
    );
    await writeFile(join(folder, "serve-custom-route.ts"), serveCustomRoute);
    await writeFile(join(folder, "device.ts"), device);
    await writeFile(join(folder, "provider.mjs"), providerPreload);
    // `deno serve --preload` loads the other behind what it serves.
    const onDeno = `import "./provider.mjs";\nexport { default } from "./fetch.mjs";\n`;
    await writeFile(join(folder, "on-deno.mjs"), onDeno);
  });

  afterAll(() => rm(folder, { recursive: true }));

  it("has a name, so that it is tried below", () => {
    const named = (page: readonly Block[]) =>
      page.filter(({ language }) => language === "ts").map(({ name }) => name);
    expect(named(readme)).toEqual(["server.ts", "login.ts", "connector.ts"]);
    expect(named(docs.filter(({ page }) => page === "mounting"))).toEqual([
      "writes.ts",
      "express.ts",
      "koa.ts",
      "nest.ts",
      "fetch.ts",
      "node.ts",
      "custom-route.ts",
    ]);
  });

  it("has a name of its own, so that none is written over another", () => {
    const names = docs.filter((block) => isCompiled(block) && !isAlone(block));
    const seen = names.map(({ name }) => name);
    expect(seen.filter((name, index) => seen.indexOf(name) !== index)).toEqual([]);
  });

  it("compiles", async () => {
    const compile = resolve("test/support/compile-blocks.ts");
    const { stdout } = await run(process.execPath, ["--import", "tsx", compile, folder]);
    expect(stdout).toBe("");
  });

  describe.skipIf(!(await postgresAvailable()))("against Postgres", () => {
    const children: ChildProcess[] = [];
    let database: Awaited<ReturnType<typeof createPostgresDatabase>>;
    let provider: Awaited<ReturnType<typeof identityProvider>>;
    let client: Client;
    let port: string;

    beforeAll(async () => {
      database = await createPostgresDatabase();
      provider = await identityProvider();
      client = new Client({ connectionString: database.url });
      await client.connect();
      await client.query("create table lists (id uuid primary key, name text, owner_id text)");
      // What tsx would make of each of them, at once.
      await build({
        entryPoints: [...programs, "fetch.ts", "serve-custom-route.ts", "device.ts"].map((file) =>
          join(folder, file),
        ),
        outdir: folder,
        outExtension: { ".js": ".mjs" },
        bundle: true,
        splitting: true,
        platform: "node",
        format: "esm",
        packages: "external",
        tsconfig: join(folder, "tsconfig.json"),
      });
    });

    afterEach(async () => {
      await Promise.all(children.splice(0).map(end));
    });

    afterAll(async () => {
      await client.end();
      provider.server.close();
      await database.drop();
    });

    /** Starts a file, and waits until it listens. */
    const start = async (file: string, host: Host = "Node"): Promise<void> => {
      port = await freePort();
      const env = { PORT: port, DATABASE_URL: database.url, PROVIDER: provider.url };
      const child = spawnFile(file, env, host);
      children.push(child);
      for (;;) {
        if (child.exitCode !== null) throw new Error(`${file} ended with ${child.exitCode}.`);
        if (
          await fetch(`http://127.0.0.1:${port}/`).then(
            () => true,
            () => false,
          )
        )
          return;
        await sleep(50);
      }
    };

    const spawnFile = (file: string, env: NodeJS.ProcessEnv, host: Host): ChildProcess => {
      const built = file.replace(/\.ts$/, ".mjs");
      const [program, ...options] = {
        Node: [process.execPath, "--import", "./provider.mjs", built],
        Bun: [resolve("node_modules/.bin/bun"), "--preload", "./provider.mjs", file],
        Deno: [
          resolve("node_modules/deno/deno"),
          "serve",
          "--allow-all",
          "--host=127.0.0.1",
          `--port=${port}`,
          "on-deno.mjs",
        ],
      }[host];
      return spawn(program ?? "", options, {
        cwd: folder,
        env: { ...process.env, ...env },
        stdio: ["ignore", "ignore", "inherit"],
      });
    };

    const post = async (path: string, body: unknown): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${await provider.sign("alice")}`,
        },
        body: JSON.stringify(body),
      });
      return response.json();
    };

    const list = (id: string) => ({
      op: "PUT",
      table: "lists",
      id,
      op_id: 1,
      op_data: { name: "A" },
    });

    const ownerOf = async (id: string): Promise<unknown> =>
      (await client.query("select owner_id from lists where id = $1", [id])).rows[0]?.owner_id;

    // A default export with `fetch` is a server for Bun and Deno, not for Node.
    it.each<readonly [string, Host]>([
      ...programs.map((file) => [file, "Node"] as const),
      ["fetch.ts", "Bun"],
      ["fetch.ts", "Deno"],
    ])("%s applies uploads, on %s", async (file, host) => {
      await start(file, host);
      const id = crypto.randomUUID();
      const upload = { client_id: file, transactions: [{ crud: [list(id)] }] };
      expect(await post("/api/data", upload)).toEqual({ results: [{ status: "success" }] });
      expect(await ownerOf(id)).toBe("alice");
    });

    it("custom-route.ts answers a transaction in the wire's words", async () => {
      await start("serve-custom-route.ts");
      const id = crypto.randomUUID();
      const upload = { client_id: "custom", crud: [list(id)] };
      expect(await post("/upload", upload)).toEqual({ status: "success" });
      expect(await ownerOf(id)).toBe("carol");
      const foreign = { client_id: "custom", crud: [{ ...list(id), table: "others", op_id: 2 }] };
      expect(await post("/upload", foreign)).toMatchObject({
        status: "fatal_error",
        requires_client_handling: false,
        failed_operation: { error_code: "UNKNOWN_TABLE", operation_index: 0 },
      });
    });

    it.each(["connector.ts", "upload-data.ts"])(
      "%s sends what the SDK gives it, and completes",
      async (file) => {
        await start("express.ts");
        const id = crypto.randomUUID();
        const url = `http://127.0.0.1:${port}/api/data`;
        const env = { URL: url, TOKEN: await provider.sign("dave"), ROW: id, UPLOAD: file };
        const child = spawnFile("device.ts", env, "Node");
        children.push(child);
        const [code] = await once(child, "exit");
        expect(code).toBe(0);
        expect(await ownerOf(id)).toBe("dave");
      },
    );
  });
});

const serveCustomRoute = `
import express from "express";
import { upload } from "./custom-route.js";

express()
  .post(
    "/upload",
    (_request, response, next) => {
      response.locals.userId = "carol";
      next();
    },
    express.json({ limit: "16mb" }),
    upload,
  )
  .listen(process.env.PORT);
`;

/** PowerSync's own client: one local transaction, uploaded. */
const device = `
import { column, PowerSyncDatabase, Schema, Table } from "@powersync/node";
import { connectorFor } from "./README/connector.js";
import { uploadData } from "./upload-data.js";

const { URL: url = "", TOKEN: token = "", ROW: row = "", UPLOAD } = process.env;
const database = new PowerSyncDatabase({
  schema: new Schema({ lists: new Table({ name: column.text, owner_id: column.text }) }),
  database: {
    dbFilename: row + ".db",
    dbLocation: import.meta.dirname,
    implementation: { type: "node:sqlite" },
  },
});
await database.execute("insert into lists (id, name) values (?, 'From a device')", [row]);
if (UPLOAD === "upload-data.ts") await uploadData(database, { url, token });
else await connectorFor(url, async () => token).uploadData(database);
const left = await database.getNextCrudTransaction();
await database.close();
process.exit(left === null ? 0 : 1);
`;

/** README's identity provider has an address of its own, by https. Here it answers from another. */
const providerPreload = `
const { fetch: real } = globalThis;
globalThis.fetch = (input, init) =>
  real(input === "https://id.example.com/jwks.json" ? process.env.PROVIDER : input, init);
`;

async function identityProvider() {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const keys = [{ ...(await exportJWK(publicKey)), alg: "ES256" }];
  const server: Server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    sign: (sub: string) =>
      new SignJWT()
        .setProtectedHeader({ alg: "ES256" })
        .setSubject(sub)
        .setIssuer("https://id.example.com")
        .setAudience("my-api")
        .setExpirationTime("5m")
        .sign(privateKey),
  };
}

async function freePort(): Promise<string> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return String(port);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

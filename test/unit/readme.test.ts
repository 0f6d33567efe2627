/** README's code blocks compile and do what the text around them says; so do the named blocks of docs. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { build } from "esbuild";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createPostgresDatabase } from "../support/databases.js";
import { postgresAvailable } from "../support/servers.js";

const run = promisify(execFile);

/** README's servers for Node. */
const programs = ["express.ts", "koa.ts", "nest.ts", "node.ts"];

interface Block {
  readonly language: string;
  /** From a first line `// name.ts`. */
  readonly name: string | undefined;
  readonly text: string;
}

const readme = await blocksOf("README.md");
const docs = await Promise.all(
  (await readdir("docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => blocksOf(`docs/${file}`)),
);

async function blocksOf(file: string): Promise<readonly Block[]> {
  const fences = (await readFile(file, "utf8")).matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return Array.from(fences, ([, language = "", text = ""]) => ({
    language,
    name: /^\/\/ ([\w.-]+\.ts)\n/.exec(text)?.[1],
    text,
  }));
}

describe("commands", () => {
  const lines = readme.filter(({ language }) => language === "sh").map(({ text }) => text.trim());

  it("are the two for this repository, and the one for an application", () => {
    expect(lines).toEqual([
      "npm ci && npm start",
      "npm test",
      "npm install powersync-writes kysely pg",
    ]);
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
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(tsconfig()));
    await Promise.all(
      [...readme, ...docs.flat()].map(
        async ({ name, text }) => name !== undefined && writeFile(join(folder, name), text),
      ),
    );
    await writeFile(join(folder, "serve-custom-route.ts"), serveCustomRoute);
    await writeFile(join(folder, "device.ts"), device);
    await writeFile(join(folder, "provider.mjs"), providerPreload);
  });

  afterAll(() => rm(folder, { recursive: true }));

  it("has a name, so that it is tried below", () => {
    const code = readme.filter(({ language }) => language === "ts");
    expect(code.map(({ name }) => name)).toEqual([
      "writes.ts",
      "express.ts",
      "koa.ts",
      "nest.ts",
      "fetch.ts",
      "node.ts",
      "custom-route.ts",
      "connector.ts",
    ]);
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
        entryPoints: [...programs, "serve-custom-route.ts", "device.ts"].map((file) =>
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
    const start = async (file: string): Promise<void> => {
      port = await freePort();
      const child = spawnFile(file, {
        PORT: port,
        DATABASE_URL: database.url,
        PROVIDER: provider.url,
      });
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

    const spawnFile = (file: string, env: NodeJS.ProcessEnv): ChildProcess =>
      // A default export with `fetch` is a server for Bun and Deno, not for Node.
      spawn(
        file === "fetch.ts" ? bun : process.execPath,
        file === "fetch.ts"
          ? ["--preload", "./provider.mjs", file]
          : ["--import", "./provider.mjs", file.replace(/\.ts$/, ".mjs")],
        {
          cwd: folder,
          env: { ...process.env, ...env },
          stdio: ["ignore", "ignore", "inherit"],
        },
      );

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

    it.each([...programs, "fetch.ts"])("%s applies uploads", async (file) => {
      await start(file);
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
        const child = spawnFile("device.ts", {
          URL: `http://127.0.0.1:${port}/api/data`,
          TOKEN: await provider.sign("dave"),
          ROW: id,
          UPLOAD: file,
        });
        children.push(child);
        const [code] = await once(child, "exit");
        expect(code).toBe(0);
        expect(await ownerOf(id)).toBe("dave");
      },
    );
  });
});

const bun = resolve("node_modules/.bin/bun");

/** The package's subpaths are the sources here. */
function tsconfig(): unknown {
  const paths: Record<string, string[]> = {
    "powersync-writes": [resolve("src/index.ts")],
    "powersync-writes/client": [resolve("src/client/index.ts")],
    "powersync-writes/jwt": [resolve("src/jwt/index.ts")],
    "powersync-writes/memory": [resolve("src/store/memory.ts")],
    "powersync-writes/admin": [resolve("src/admin/admin.ts")],
    "powersync-writes/audit": [resolve("src/audit/index.ts")],
  };
  for (const adapter of ["express", "koa", "fetch", "node", "pg"]) {
    paths[`powersync-writes/${adapter}`] = [resolve(`adapters/${adapter}.ts`)];
  }
  paths["powersync-writes/nest"] = [resolve("adapters/nest/index.ts")];
  return { extends: resolve("tsconfig.json"), compilerOptions: { paths }, include: ["*.ts"] };
}

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
import { connectorFor } from "./connector.js";
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

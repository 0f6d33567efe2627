/** Writes `server.ts` for each framework, and lists the packages and commands that it needs. */
import type { DatabaseKind } from "../database-url.js";

export const frameworks = ["express", "koa", "nest", "node", "fetch", "hono"] as const;
export type Framework = (typeof frameworks)[number];

interface ServerFile {
  readonly packages: readonly string[];
  readonly typePackages: readonly string[];
  readonly run: string;
  readonly text: string;
}

const head = `import { createTables } from "powersync-writes";`;
const config = `import { database, writes } from "./powersync-writes.config.js";`;
const own = `// Creates the library's own tables. If they exist, this is one SELECT.
await createTables(database);`;

// Not as the callback of `listen`: Express calls that with the error if the port is taken, and the error would go unnoticed.
const listening = `server.once("listening", () => console.log(\`Listening on port \${port}\`));
`;

/** Finishes uploads in progress before the process ends. */
const shutDown = `
process.once("SIGTERM", async () => {
  server.close();
  await writes.drain(10_000);
  server.closeAllConnections();
  await database.destroy();
});
`;

const node = "node --env-file=.env --import tsx server.ts";

const files: Readonly<Record<Framework, ServerFile>> = {
  express: {
    packages: ["express"],
    typePackages: ["@types/express"],
    run: node,
    text: `import express from "express";
${head}
import { powersyncWrites } from "powersync-writes/express";
${config}

${own}

const app = express();
app.use(powersyncWrites(writes)); // POST /api/data. Keep it in front of body parsers.
app.get("/healthz", (_request, response) => {
  response.json(writes.health());
});
app.get("/readyz", async (_request, response) => {
  const { ready } = await writes.ready();
  response.status(ready ? 200 : 503).json({ ready });
});

const port = Number(process.env["PORT"] ?? 3000);
const server = app.listen(port);
${listening}${shutDown}`,
  },
  koa: {
    packages: ["koa"],
    typePackages: ["@types/koa"],
    run: node,
    text: `import Koa from "koa";
${head}
import { powersyncWrites } from "powersync-writes/koa";
${config}

${own}

const app = new Koa();
app.use(powersyncWrites(writes)); // POST /api/data. Keep it in front of body parsers.
app.use(async (context, next) => {
  if (context.path === "/healthz") {
    context.body = writes.health();
  } else if (context.path === "/readyz") {
    const { ready } = await writes.ready();
    context.status = ready ? 200 : 503;
    context.body = { ready };
  } else {
    await next();
  }
});

const port = Number(process.env["PORT"] ?? 3000);
const server = app.listen(port);
${listening}${shutDown}`,
  },
  nest: {
    packages: [
      "@nestjs/common",
      "@nestjs/core",
      "@nestjs/platform-express",
      "reflect-metadata",
      "rxjs",
    ],
    typePackages: [],
    run: node,
    text: `import "reflect-metadata";
import { NestFactory } from "@nestjs/core";
${head}
import { PowerSyncWriteModule } from "powersync-writes/nest";
${config}

${own}

// In an application with several modules, put it among the \`imports\` of one of them.
const app = await NestFactory.create(PowerSyncWriteModule.forRoot(writes)); // POST /api/data
const http = app.getHttpAdapter();
http.get("/healthz", (_request: unknown, response: unknown) =>
  http.reply(response, writes.health(), 200),
);
http.get("/readyz", async (_request: unknown, response: unknown) => {
  const { ready } = await writes.ready();
  http.reply(response, { ready }, ready ? 200 : 503);
});
app.enableShutdownHooks(); // Uploads in progress are finished.
await app.listen(Number(process.env["PORT"] ?? 3000));
`,
  },
  node: {
    packages: [],
    typePackages: [],
    run: node,
    text: `import { createServer, type ServerResponse } from "node:http";
${head}
import { powersyncWrites } from "powersync-writes/node";
${config}

${own}

const uploads = powersyncWrites(writes); // POST /api/data
const server = createServer(async (request, response) => {
  switch (request.url) {
    case "/healthz":
      return answer(response, 200, writes.health());
    case "/readyz": {
      const { ready } = await writes.ready();
      return answer(response, ready ? 200 : 503, { ready });
    }
    default:
      return uploads(request, response);
  }
});
const port = Number(process.env["PORT"] ?? 3000);
server.listen(port);
${listening}
function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
${shutDown}`,
  },
  fetch: {
    packages: [],
    typePackages: [],
    run: "bun server.ts",
    text: `${head}
import { powersyncWrites } from "powersync-writes/fetch";
${config}

${own}

const uploads = powersyncWrites(writes); // POST /api/data; 404 for everything else

export default {
  port: Number(process.env["PORT"] ?? 3000),
  fetch: async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return Response.json(writes.health());
    if (pathname === "/readyz") {
      const { ready } = await writes.ready();
      return Response.json({ ready }, { status: ready ? 200 : 503 });
    }
    return uploads(request);
  },
};
`,
  },
  hono: {
    packages: ["hono"],
    typePackages: [],
    run: "bun server.ts",
    text: `import { Hono } from "hono";
${head}
import { powersyncWrites } from "powersync-writes/fetch";
${config}

${own}

const uploads = powersyncWrites(writes);

const app = new Hono();
app.all("/api/data", (context) => uploads(context.req.raw));
app.all("/api/data/*", (context) => uploads(context.req.raw));
app.get("/healthz", (context) => context.json(writes.health()));
app.get("/readyz", async (context) => {
  const { ready } = await writes.ready();
  return context.json({ ready }, ready ? 200 : 503);
});

export default { port: Number(process.env["PORT"] ?? 3000), fetch: app.fetch };
`,
  },
};

export function serverText(framework: Framework): string {
  return `/// <reference types="node" />\n${files[framework].text}`;
}

/** Returns the commands that lead to a running server. */
export function nextSteps(framework: Framework, kind: DatabaseKind): readonly string[] {
  const { packages, typePackages, run } = files[framework];
  const driver = {
    postgres: "pg",
    mysql: "mysql2",
    mssql: "tedious tarn",
    sqlite: "better-sqlite3",
  }[kind];
  const driverTypes = {
    postgres: ["@types/pg"],
    mysql: [],
    mssql: [],
    sqlite: ["@types/better-sqlite3"],
  }[kind];
  const tools = run.startsWith("node") ? ["tsx", "typescript"] : ["typescript"];
  return [
    `npm install ${["powersync-writes", "kysely", driver, ...packages].join(" ")}`,
    `npm install --save-dev ${["@types/node", ...driverTypes, ...typePackages, ...tools].join(" ")}`,
    "cp .env.example .env       # and fill it in",
    "npx powersync-writes check --env-file .env",
    run,
  ];
}

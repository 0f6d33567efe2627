/** Every way to mount the write path, as a server on loopback. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express5 from "express";
import express4 from "express4";
import { powersyncWrites as expressWrites } from "../../adapters/express.js";
import { powersyncWrites as nodeWrites } from "../../adapters/node.js";
import type { Writes } from "../../src/index.js";
import type { TestPrincipal } from "../support/writes.js";

type TestWrites = Writes<TestPrincipal>;

export interface TestAdapter {
  readonly name: string;
  /** @param parsed behind the framework's own JSON body parser */
  listener(writes: TestWrites, parsed: boolean): RequestListener;
  /** Whether the framework has a body parser of its own. */
  readonly parses: boolean;
}

export const adapters: readonly TestAdapter[] = [
  {
    name: "Express 5",
    parses: true,
    listener: (writes, parsed) => {
      const app = express5();
      if (parsed) app.use(express5.json());
      return app.use(expressWrites(writes));
    },
  },
  {
    name: "Express 4",
    parses: true,
    listener: (writes, parsed) => {
      const app = express4();
      if (parsed) app.use(express4.json());
      return app.use(expressWrites(writes));
    },
  },
  {
    name: "node:http",
    parses: false,
    listener: (writes) => nodeWrites(writes),
  },
];

export async function listen(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}` };
}

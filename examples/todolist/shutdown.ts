/** Shuts the process down: finishes requests in progress, and waits only for a limited time. */
import type { Server } from "node:http";
import type { Principal, Writes } from "../../src/index.js";
import type { Source } from "./source.js";

interface Running {
  readonly server: Server;
  readonly writes: Writes<Principal>;
  readonly source: Source;
  /** Aborted when the shutdown begins. */
  readonly leaving: AbortController;
}

const drainMs = 10_000;
const closeMs = 3000;
// Under npm, a program gets Ctrl-C twice: from the terminal and from npm.
const sameSignalMs = 100;

/** Ends the process with exit code 0 after SIGTERM or SIGINT. A second signal ends it at once. */
export function onSignal(running: Running): void {
  let since: number | undefined;
  const end = (): void => {
    if (since !== undefined) {
      if (performance.now() - since > sameSignalMs) process.exit(1);
      return;
    }
    since = performance.now();
    shutDown(running).then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
}

async function shutDown({ server, writes, source, leaving }: Running): Promise<void> {
  leaving.abort();
  // Accepts no new connections. On open ones, the drained library answers requests with 503.
  server.close();
  server.closeIdleConnections();
  await writes.drain(drainMs);
  server.closeAllConnections();
  // Does not wait forever for a database that does not answer. What it has not committed is rolled back, and is still queued on its device.
  await Promise.race([source.close(), new Promise((resolve) => setTimeout(resolve, closeMs))]);
}

/** The end of the process: what is under way is finished, and nothing waits for ever. */
import type { Server } from "node:http";
import type { Principal, Writes } from "../../src/index.js";
import type { Source } from "./source.js";

interface Running {
  readonly server: Server;
  readonly writes: Writes<Principal>;
  readonly source: Source;
  /** Aborted when the end begins. */
  readonly leaving: AbortController;
}

const drainMs = 10_000;
const closeMs = 3000;
// Ctrl-C reaches a program under npm twice: from the terminal, and from npm.
const sameSignalMs = 100;

/** On SIGTERM or SIGINT ends the process with 0; on a second one at once. */
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
  // No new connections; requests on the open ones are answered 503 by the drained library.
  server.close();
  server.closeIdleConnections();
  await writes.drain(drainMs);
  server.closeAllConnections();
  // A database that does not answer can't hold the process: what it had not committed is rolled back, and still queued on its device.
  await Promise.race([source.close(), new Promise((resolve) => setTimeout(resolve, closeMs))]);
}

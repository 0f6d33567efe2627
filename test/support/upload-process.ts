/** Starts servers in processes of their own, and kills them. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { program } from "./program.js";

export interface UploadProcess {
  readonly url: string;
  /** SIGKILL: nothing in it gets to finish. */
  kill(): Promise<void>;
}

/**
 * @param heapMiB what its old generation may take, in MiB
 * @param server the program: another one than that of the test tables
 */
export async function startUploadProcess(
  databaseUrl: string,
  heapMiB?: number,
  server = new URL("upload-server.ts", import.meta.url),
): Promise<UploadProcess> {
  const script = await program(server);
  const child = fork(script, [databaseUrl], {
    execArgv: heapMiB === undefined ? [] : [`--max-old-space-size=${heapMiB}`],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-10_000);
  });
  const exited = once(child, "exit");
  const failed = exited.then(([code]) => {
    throw new Error(`The server ended with ${String(code)}.\n${said}`);
  });
  const [url] = (await Promise.race([
    once(child, "message", { signal: AbortSignal.timeout(90_000) }),
    failed,
  ])) as [string];
  // Once it listens, an end is a test's business.
  failed.catch(() => undefined);
  return {
    url,
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** A proxy that fails once, at the moment that a test names by what is being sent. */
import { createProxy, type Passing, type Verdict } from "./proxy.js";
import type { Protocol } from "./messages.js";

export interface Cut extends Pick<Verdict, "reset"> {
  readonly lose: NonNullable<Verdict["lose"]>;
  /** In what is sent, its bytes as text. */
  readonly at: string;
  /** Only where the same database transaction has sent this before. */
  readonly behind?: string;
  /** On every connection, and not once. */
  readonly always?: boolean;
}

export interface CuttingProxy {
  readonly port: number;
  /** Cuts once. Resolves when it has: with `answer`, after the server has answered. */
  cut(cut: Cut): Promise<void>;
  /** Calls back when such a statement passes by, once, after it has been passed on. */
  watch(at: string, onStatement: () => void): void;
  close(): Promise<void>;
}

export async function createCuttingProxy(
  serverPort: number,
  protocol: Protocol = "postgres",
): Promise<CuttingProxy> {
  const proxy = await createProxy(serverPort, protocol);
  let armed: (Cut & { readonly done: () => void }) | undefined;
  let watched: { readonly at: string; readonly onStatement: () => void } | undefined;
  proxy.judge = (passing) => {
    if (armed !== undefined && holds(passing, armed.at) && isBehind(passing, armed.behind)) {
      const cut = armed;
      if (!cut.always) armed = undefined;
      return cut;
    }
    if (watched === undefined || !holds(passing, watched.at)) return undefined;
    const { onStatement } = watched;
    watched = undefined;
    return { done: onStatement };
  };
  return {
    port: proxy.port,
    cut: (cut) =>
      new Promise((done) => {
        armed = { ...cut, done };
      }),
    watch: (at, onStatement) => {
      watched = { at, onStatement };
    },
    close: proxy.close,
  };
}

function holds({ text, bytes }: Passing, at: string): boolean {
  return text.includes(at) || bytes.toString("latin1").includes(at);
}

function isBehind({ sent }: Passing, behind: string | undefined): boolean {
  return behind === undefined || sent().includes(behind);
}

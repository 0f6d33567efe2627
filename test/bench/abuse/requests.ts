/** Requests of the bench, each on a connection of its own, with what became of it in a word. */
import { request } from "node:http";
import { performance } from "node:perf_hooks";
import type { Sample } from "./processes.js";

interface Sending {
  readonly user: string;
  readonly body: string | Buffer;
  readonly encoding?: "gzip";
  readonly signal: AbortSignal;
}

/**
 * Never rejects. The outcome is the first transaction's for a 200, the status for another, the error's code where no answer came, and "unanswered"
 * where none had come when the signal was aborted.
 */
export function send(url: string, { user, body, encoding, signal }: Sending): Promise<Sample> {
  const started = performance.now();
  return new Promise((resolve) => {
    const end = (outcome: string) => resolve({ outcome, ms: performance.now() - started });
    const failed = (error: NodeJS.ErrnoException) => {
      end(signal.aborted ? "unanswered" : (error.code ?? error.message));
    };
    const headers = {
      authorization: `Bearer ${user}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      ...(encoding && { "content-encoding": encoding }),
    };
    const sent = request(url, { method: "POST", agent: false, headers, signal }, (response) => {
      let text = "";
      response
        .setEncoding("utf8")
        .on("data", (chunk: string) => (text += chunk))
        .on("end", () => end(outcomeOf(response.statusCode ?? 0, text)))
        .on("error", failed);
    });
    sent.on("error", failed).end(body);
  });
}

function outcomeOf(status: number, text: string): string {
  if (status !== 200) return String(status);
  const answer = JSON.parse(text) as { status?: string; results?: readonly { status: string }[] };
  return answer.status ?? answer.results?.[0]?.status ?? "200";
}

/** A transaction of one PUT, in the form in which a device sends one. */
export function putOf(user: string, client: string, opId: number): string {
  return transactionOf(client, [
    {
      op: "PUT",
      table: "lists",
      id: crypto.randomUUID(),
      op_id: opId,
      op_data: { name: "Groceries", owner_id: user },
    },
  ]);
}

export function transactionOf(client: string, crud: readonly object[]): string {
  return JSON.stringify({ client_id: client, transactions: [{ crud }] });
}

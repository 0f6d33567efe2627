/** A device that knows PowerSync's published write API and nothing more: no client id, no operation ids, results by their status. */
import type { CrudTransaction } from "@powersync/common";
import type { PowerSyncDatabase } from "@powersync/node";

export interface ReferenceOptions {
  readonly url: string;
  readonly token: string;
  /** Default 1. */
  readonly transactionsInOneRequest?: number;
  /** As older ones send it; no longer part of the API. */
  readonly onFatalError?: "stop" | "skip";
  /** For failures that are left to the client. Default `retain`. */
  readonly decide?: () => "retain" | "complete";
}

interface Result {
  readonly status: string;
  readonly message?: string;
  readonly requires_client_handling?: boolean;
  readonly failed_operation?: { readonly error_code?: unknown };
}

/** One call of `uploadData`. @returns the answer's statuses @throws with the server's `message` */
export async function referenceUpload(
  database: PowerSyncDatabase,
  { url, token, transactionsInOneRequest = 1, onFatalError, decide }: ReferenceOptions,
): Promise<readonly string[]> {
  const sent: CrudTransaction[] = [];
  for await (const transaction of database.getCrudTransactions()) {
    sent.push(transaction);
    if (sent.length === transactionsInOneRequest) break;
  }
  if (sent.length === 0) return [];
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ transactions: sent.map(inItsWords), on_fatal_error: onFatalError }),
  });
  const body = (await response.json()) as { message?: string; results?: readonly Result[] };
  if (!response.ok) throw new Error(`${response.status} ${body.message}`);
  if (body.results?.length !== sent.length) throw new Error("The results are not one for each.");
  let accepted = 0;
  let failure: Error | undefined;
  for (const result of body.results) {
    if (!isAccepted(result, decide)) {
      if (result.status !== "not_attempted")
        failure = new Error(`${result.status} ${result.message}`);
      break;
    }
    accepted += 1;
  }
  await sent[accepted - 1]?.complete();
  if (failure !== undefined) throw failure;
  return body.results.map(({ status }) => status);
}

function isAccepted(result: Result, decide: ReferenceOptions["decide"]): boolean {
  if (result.status === "success") return true;
  if (result.status !== "fatal_error") return false;
  const { requires_client_handling, failed_operation } = result;
  if (
    typeof requires_client_handling !== "boolean" ||
    typeof failed_operation?.error_code !== "string"
  ) {
    throw new Error("A fatal result has not what it must have.");
  }
  return !requires_client_handling || decide?.() === "complete";
}

function inItsWords({ crud, transactionId }: CrudTransaction): object {
  return {
    transaction_id: transactionId,
    crud: crud.map(({ id, op, table, transactionId, opData, previousValues, metadata }) => ({
      id,
      op,
      table,
      transaction_id: transactionId,
      op_data: opData,
      previous_values: previousValues,
      metadata,
    })),
  };
}

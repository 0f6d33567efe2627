/** Sends three transactions to each URL, and prints what the client makes of the answer; asks the last one for the rest. */
import {
  type Transaction,
  writeEndpoint,
} from "../../../examples/clients/typescript/powersync-writes.js";

function put(
  number: number,
  table: string,
  op_data: Readonly<Record<string, unknown>>,
): Transaction {
  const id = `00000000-0000-0000-0000-${String(number).padStart(12, "0")}`;
  return {
    transaction_id: number,
    handling: 0,
    crud: [{ op: "PUT", table, id, op_id: number, op_data }],
  };
}

export async function program(urls: readonly string[]): Promise<readonly string[]> {
  const client_id = "typescript";
  const transactions = [
    put(1, "lists", { name: "Bread", note: null }),
    put(2, "lists", {}),
    put(3, "nowhere", {}),
  ];
  const token = async () => "ann";
  const lines: string[] = [];
  for (const url of urls) {
    const verdict = await writeEndpoint(url, token).upload({ client_id, transactions });
    const { completed, next, waitMs = 0, results = [] } = verdict;
    lines.push([completed, next, waitMs, ...results.map(({ status }) => status)].join(" "));
  }
  const endpoint = writeEndpoint(urls.at(-1) ?? "", token);
  const { checkpoint } = await endpoint.createCheckpoint({ client_id });
  return [...lines, `${(await endpoint.limits()).contract_version} ${checkpoint}`];
}

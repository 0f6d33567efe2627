/**
 * Plays a second device of the same user, to cause a conflict. It has the note as this device sent it last, and changes it over HTTP, even while this
 * device is offline. With a PowerSync service, use a second browser instead.
 */
import type { Note } from "./data.js";
import type { Session } from "./session.js";

interface Copy {
  readonly note: string | null;
  readonly people: number | null;
}

/** @returns a function that changes a note on the other device, and resolves to a message about the result */
export function createOtherDevice({
  database,
  getToken,
}: Session): (shown: Note | undefined) => Promise<string> {
  const clientId = crypto.randomUUID();
  const copies = new Map<string, Copy>();
  let changes = 0;

  /** The note before the first change in the queue or, if there is no change, the note as it is shown. */
  async function lastSent({ id, note, people }: Note): Promise<Copy | undefined> {
    const [first] = await database.getAll<{ op: string; old: string | null }>(
      "SELECT data ->> 'op' AS op, data ->> 'old' AS old FROM ps_crud WHERE data ->> 'id' = ? ORDER BY id LIMIT 1",
      [id],
    );
    if (first?.op === "PUT") return undefined;
    return { note, people, ...(JSON.parse(first?.old ?? "{}") as Partial<Copy>) };
  }

  return async (shown) => {
    const base = shown && (copies.get(shown.id) ?? (await lastSent(shown)));
    if (shown === undefined || base === undefined)
      return "The other device does not have the note yet. Write a note while you are online.";
    changes += 1;
    const next = { note: `Written on another device (${changes})`, people: (base.people ?? 0) + 1 };
    const { note, people } = base;
    const operation = {
      op: "PATCH",
      table: "list_notes",
      id: shown.id,
      op_id: changes,
      op_data: next,
      previous_values: { note, people },
    };
    const response = await fetch("/api/data", {
      method: "POST",
      headers: {
        authorization: `Bearer ${await getToken({ refresh: false })}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ client_id: clientId, transactions: [{ crud: [operation] }] }),
    });
    const { results } = (await response.json()) as { results?: readonly { status: string }[] };
    if (results?.[0]?.status !== "success")
      return "The change of the other device was refused, because the note has changed in the meantime.";
    copies.set(shown.id, next);
    return `The other device has written “${next.note}” and added one person.`;
  };
}

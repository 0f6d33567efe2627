/** Finds out, before the first case, how the server's rows can be seen and what the server supports. */
import type { Feature, Limits, Send } from "./case.js";
import { createGiven } from "./given.js";
import { type Answer, member } from "./match.js";
import { type TakenVerdicts, look, type Session, Unanswered, verdictOf } from "./session.js";

/**
 * The audit could not begin. The message gives the reason.
 *
 * @example
 * try {
 *   await runAudit(options);
 * } catch (error) {
 *   if (error instanceof AuditImpossible) console.error(error.message);
 * }
 */
export class AuditImpossible extends Error {
  override readonly name = "AuditImpossible";
}

/** Writes two rows and looks for them, so that no case passes only because rows can't be seen. */
export async function takenVerdictsOf(
  session: Session,
  made: (id: string, name: string) => void,
): Promise<TakenVerdicts> {
  const given = createGiven(
    session.table,
    { bodyBytes: 0, transactions: 0, operations: 0, depth: 0, stringLength: 0 },
    session.counter,
    made,
  );
  const write = async (
    name: string,
    columns: Readonly<Record<string, string>>,
  ): Promise<string> => {
    const body = { transactions: [given.tx(given.put(name, columns))] };
    const answer = await session.request({ body }).catch((error: unknown) => {
      if (error instanceof Unanswered) throw new AuditImpossible(error.message, { cause: error });
      throw error;
    });
    if (answer.status === 401 || answer.status === 403)
      throw new AuditImpossible(`The token was refused: ${answer.status} ${answer.text}`);
    const verdict = verdictOf(answer);
    if (verdict === "success") return "";
    return `A row could not be written to ${session.table}: ${answer.status} ${answer.text}`;
  };
  const failure = await write("first", { code: given.code("first") });
  if (failure !== "")
    throw new AuditImpossible(
      `${failure}\n\`powersync-writes audit --sql\` prints the statement that creates the table.`,
    );
  const code = await taken(session, given.put("probe", { code: given.code("first") }));
  const wide = (await write("second", { big: given.big("second") })) === "";
  const big = wide
    ? await taken(session, given.put("probe", { big: given.big("second") }))
    : undefined;
  const takenVerdicts = { code, big };
  const free = async (sight: { code?: string; big?: string }): Promise<boolean> =>
    (await look(session, { ...sight, there: false }, takenVerdicts)) === false;
  return {
    code: (await free({ code: given.code("free") })) ? code : undefined,
    big: (await free({ big: given.big("free") })) ? big : undefined,
  };
}

/** @returns how the server reports that another row has the value; nothing if it accepts the second row */
async function taken(session: Session, entry: object): Promise<string | undefined> {
  const transaction_id = session.counter.next();
  const body = { transactions: [{ transaction_id, crud: [{ ...entry, transaction_id }] }] };
  const verdict = verdictOf(await session.request({ body }));
  return verdict === "success" ? undefined : verdict;
}

export interface Abilities {
  readonly features: ReadonlySet<Feature>;
  /** The limits that the server publishes or, by default, PowerSync's 50 transactions and this library's other limits. */
  readonly limits: Limits;
}

const assumed: Limits = {
  bodyBytes: 16 * 1024 * 1024,
  transactions: 50,
  operations: 10_000,
  depth: 64,
  stringLength: 4 * 1024 * 1024,
};

/** Finds out what the server supports beyond PowerSync's contract. */
export async function serverAbilities(
  session: Session,
  made: (id: string, name: string) => void,
): Promise<Abilities> {
  const { table, counter } = session;
  const features = new Set<Feature>();
  const ok = async (send: Send, is: (answer: Answer) => boolean): Promise<boolean> => {
    const answer = await session.request(send);
    return answer.status === 200 && is(answer);
  };
  if (await ok({ body: { crud: [] } }, ({ body }) => member(body, "status") === "success"))
    features.add("bare");
  if (await ok({ body: { batch: [] } }, ({ body }) => member(body, "results") === undefined))
    features.add("batch");
  const id = crypto.randomUUID();
  made(id, "row");
  if (await ok({ method: "PUT", body: { table, data: { id } } }, () => true))
    features.add("methods");
  const tx_id = counter.next();
  const byOtherNames = { op: "PUT", type: table, id, tx_id, data: {} };
  const sent = { body: { transactions: [{ tx_id, crud: [byOtherNames] }] } };
  if (await ok(sent, (answer) => verdictOf(answer) === "success")) features.add("names");

  const told = await session.request({ method: "GET", path: "/limits", as: null });
  const limits = told.status === 200 ? member(told.body, "limits") : undefined;
  if (limits === undefined) return { features, limits: assumed };
  features.add("limits");
  const optional = member(told.body, "features");
  if (Array.isArray(optional) && optional.includes("checkpoints")) features.add("checkpoints");
  const number = (name: string, otherwise: number): number => {
    const value = member(limits, name);
    return typeof value === "number" && value > 0 ? value : otherwise;
  };
  return {
    features,
    limits: {
      bodyBytes: number("body_bytes", assumed.bodyBytes),
      transactions: number("transactions", assumed.transactions),
      operations: number("operations", assumed.operations),
      depth: number("depth", assumed.depth),
      stringLength: number("string_length", assumed.stringLength),
    },
  };
}

/** The first statement of a flight: it sets the time limits, inserts the ledger's row, and checks that no letters of the user wait. */
import { type CompiledQuery, type Kysely, sql } from "kysely";
import type { FlightOptions } from "../store/store.js";
import type { Claim } from "../store/ledger.js";
import { sha256 } from "../wire/serialize.js";
import type { Dialect, SqlDatabase, StatementBounds } from "./dialect.js";
import { bounding, claiming } from "./flight-statements.js";
import { begunBefore, hasLetters } from "./ledger.js";
import { lockWords } from "./row-lock.js";
import { filled } from "./statements.js";
import type { Own, OwnTables } from "./tables.js";
import { compiled, Place, type Texts } from "./texts.js";

export interface ClaimParts {
  readonly db: SqlDatabase;
  readonly dialect: Dialect;
  readonly own: Own;
  readonly place: string;
  readonly timeouts: StatementBounds;
  readonly texts: Texts;
  /** The library's tables of letters are known to exist. */
  letters(): boolean;
}

/** `undefined`: more than one statement is needed. */
export async function claimLeg(
  { db, dialect, own, place, timeouts, texts, letters }: ClaimParts,
  { claim, lettersOf }: Pick<FlightOptions, "lettersOf"> & { readonly claim: Claim | undefined },
): Promise<CompiledQuery | undefined> {
  const bounds = dialect.bounds?.(timeouts);
  if (bounds === undefined || dialect.inserts !== undefined) return undefined;
  const ours = own.on(db as unknown as Kysely<OwnTables>);
  const asked = lettersOf !== undefined;
  const subject = claim?.subject ?? (lettersOf === undefined ? "" : await sha256(lettersOf));
  const given = { place, subject };
  const waiting = () =>
    asked ? hasLetters(ours, { place: at("place"), subject: at("subject") }) : undefined;
  if (claim === undefined) {
    if (asked && !letters()) return undefined;
    const what = `bounds ${asked}`;
    const text =
      texts.get(own)?.get(what) ??
      compiled(texts, own, what, { compile: () => bounding(bounds, waiting()).compile(ours) });
    return { ...text, parameters: filled(text, { claim: given }) };
  }
  const { key, queue, request, requestBegan, answer } = claim;
  // Without them, the transaction is recognized by its content, which takes a few statements.
  if (key === undefined || queue === undefined || answer !== undefined || claim.known === true)
    return undefined;
  const what = `claim ${asked}`;
  const text =
    texts.get(own)?.get(what) ??
    compiled(texts, own, what, {
      compile: () => {
        const since = begunBefore(dialect, at("ms"));
        const row = {
          identity: at("key"),
          queue: at("queue"),
          answer: sql.lit(null),
          handling: sql.lit(null),
          request: at("request"),
          request_at: since,
          first_request: at("request"),
          first_request_at: since,
          applied_at: dialect.types.now,
        };
        const insert = ours
          .insertInto("powersync_ledger")
          .columns(Object.keys(row) as (keyof typeof row)[])
          .expression(
            sql<never>`select ${sql.join(Object.values(row))} from (${bounds}) as bounds, ${own.table("powersync_devices")} as device where device.queue = ${at("queue")} and device.unsettled = 0 and device.told = 0 ${lockWords(dialect.shareLock?.("device")).behind}`,
          )
          .onConflict((conflict) => conflict.column("identity").doNothing())
          .returning(
            sql<unknown>`case when ${waiting() ?? sql`1 = 0`} then 1 else 0 end`.as("letters"),
          );
        return claiming(insert).compile(ours);
      },
    });
  const ms = performance.now() - requestBegan;
  return { ...text, parameters: filled(text, { claim: { ...given, key, queue, request, ms } }) };
}

/** The placeholder for a value. */
function at(name: string): never {
  return new Place("claim", name) as never;
}

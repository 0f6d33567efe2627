/** Row-level security on a connection that everybody shares: nothing of one caller is left for the next, however a transaction ends. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createWrites,
  fatal,
  type Hooks,
  type Principal,
  retryable,
  rls,
  type TransactionResult,
  type Writes,
} from "../../src/index.js";
import { long } from "../support/long.js";
import { type Supabase, supabaseOnPostgres, type SupabaseSchema } from "../support/supabase.js";

const transactions = long ? 10_000 : 400;
/** Under way at once: each waits for the one connection. */
const lanes = 20;

const users = ["aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"];

interface Sent {
  readonly user: number;
  readonly kind: Kind;
  readonly body: unknown;
}

type Kind = keyof typeof ends;

/** How a transaction may end, and what it is answered. */
const ends = {
  written: "success",
  replayed: "success",
  deleted: "success",
  missing: "success",
  taken: "UNAUTHORIZED",
  givenAway: "UNAUTHORIZED",
  tooLong: "CHECK_VIOLATION",
  refused: "NO",
  unknown: "UNKNOWN_TABLE",
  invalid: "INVALID_TRANSACTION",
  hookFails: "retryable_error",
  statementFails: "retryable_error",
  deadlocked: "success",
} as const;
const kinds = Object.keys(ends) as Kind[];

describe.skipIf(!(await supabaseOnPostgres.available()))("a pool of one connection", () => {
  let supabase: Supabase;
  let database: Kysely<SupabaseSchema>;

  beforeAll(async () => {
    supabase = await supabaseOnPostgres.open();
    database = supabase.connect({ connections: 1 });
    // The disk is not what is tried here.
    await sql`set synchronous_commit = off`.execute(database);
  });
  afterAll(() => supabase.close());

  it(
    `leaks nothing in ${transactions} transactions of two users, in turns, that end in every way`,
    { timeout: 1_800_000 },
    async () => {
      const leaks: unknown[] = [];
      let judged = 0;
      const hooks: Hooks<Principal, SupabaseSchema> = {
        persist: {
          before: async (write, { tx, principal, attempt }) => {
            const { rows } = await sql<{ role: string; sub: string | null }>`
              select current_user::text as role, auth.uid()::text as sub`.execute(tx);
            judged += 1;
            const [now] = rows;
            if (now?.sub !== principal.userId || now.role !== supabase.roles.authenticated) {
              leaks.push({ now, principal });
            }
            const kind = String(write.values["name"]).split(" ")[0];
            if (kind === "refused") throw fatal("NO", "No.");
            if (kind === "hookFails") throw retryable("Not now.");
            if (kind === "statementFails") await sql`select 1 / 0`.execute(tx);
            if (kind === "deadlocked" && attempt === 1) {
              await sql`do $$ begin raise exception 'victim' using errcode = '40P01'; end $$`.execute(
                tx,
              );
            }
          },
        },
      };
      const made = () =>
        createWrites<Principal, SupabaseSchema>({
          authenticate: () => ({ userId: "" }),
          database,
          tables: { lists: { access: "everyone" }, todos: { access: "everyone" } },
          rls: rls({ role: supabase.roles.authenticated }),
          hooks,
          deadLetters: { open: Infinity },
        });
      // Two write paths on the one pool, as two parts of an application would have them.
      const paths: readonly Writes<Principal>[] = [made(), made()];
      const own: string[][] = [[], []];
      const replayable: unknown[][] = [[], []];
      const written = [new Map<string, string>(), new Map<string, string>()];
      // What a user finds missing is a row that no letter of theirs is there to create.
      const sides = [
        new Map<string, "taken" | "missing">(),
        new Map<string, "taken" | "missing">(),
      ];
      const counts = new Map<string, number>();

      const next = (number: number): Sent => {
        const user = number % 2;
        // Most of them write, the others end in each other way.
        const kind =
          number % 20 < 8 ? "written" : (kinds[Math.floor(number / 2) % kinds.length] as Kind);
        return { user, kind, body: bodyOf(kind, number, user) };
      };
      const bodyOf = (kind: Kind, number: number, user: number): unknown => {
        const mine = own[user] ?? [];
        const theirs = own[1 - user] ?? [];
        const id = crypto.randomUUID();
        const name = `${kind} ${user} ${number}`;
        const foreign = (side: "taken" | "missing"): string => {
          const found = theirs.findLast((each) => (sides[user]?.get(each) ?? side) === side);
          if (found !== undefined) sides[user]?.set(found, side);
          return found ?? id;
        };
        const entry = (op: string, table: string, row: string, data?: object) => ({
          crud: [{ op, table, id: row, op_id: number + 1, ...(data && { op_data: data }) }],
        });
        switch (kind) {
          case "replayed":
            return replayable[user]?.at(-1) ?? entry("PUT", "lists", id, { name });
          case "deleted":
            return entry("DELETE", "lists", mine.shift() ?? id);
          case "missing":
            return entry("PATCH", "lists", foreign("missing"), { name });
          case "taken":
            return entry("PUT", "lists", foreign("taken"), { name, owner_id: users[1 - user] });
          case "givenAway":
            return entry("PUT", "lists", id, { name, owner_id: users[1 - user] });
          case "tooLong":
            return entry("PUT", "lists", id, { name: name.padEnd(200) });
          case "unknown":
            return entry("PUT", "secrets", id, { name });
          case "invalid":
            return { crud: [{ op: "TRUNCATE", table: "lists", id, op_id: number + 1 }] };
          default:
            return entry("PUT", "lists", id, { name });
        }
      };

      const settle = ({ user, kind, body }: Sent, result: TransactionResult) => {
        const answer =
          result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
        counts.set(`${kind} ${answer}`, (counts.get(`${kind} ${answer}`) ?? 0) + 1);
        expect([kind, answer]).toEqual([kind, ends[kind]]);
        if (kind !== "written" && kind !== "deadlocked") return;
        const [
          {
            id,
            op_data: { name },
          },
        ] = (body as { crud: [{ id: string; op_data: { name: string } }] }).crud;
        own[user]?.push(id);
        replayable[user]?.push(body);
        written[user]?.set(name, id);
      };

      /** Whoever gets the connection next: one more transaction in the queue, with none of the library's care. */
      const lookBetween = async () => {
        const { rows } = await sql<{ own: boolean; claims: string | null; uid: string | null }>`
          select current_user = session_user as own, nullif(current_setting('request.jwt.claims', true), '') as claims
        `.execute(database);
        if (rows[0]?.own !== true || rows[0].claims !== null) leaks.push({ between: rows[0] });
      };

      let number = 0;
      const lane = async () => {
        while (number < transactions) {
          const sent = next(number);
          number += 1;
          const path = paths[number % 3 === 0 ? 1 : 0] as Writes<Principal>;
          const principal = { userId: users[sent.user] as string };
          const [result] = await Promise.all([
            path.processTransaction(sent.body, { principal, clientId: "phone" }),
            lookBetween(),
          ]);
          settle(sent, result);
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));

      expect(leaks).toEqual([]);
      expect(judged).toBeGreaterThan(transactions / 2);
      // Every way was gone, by both.
      expect([...counts.keys()].sort()).toEqual(
        kinds.map((kind) => `${kind} ${ends[kind]}`).sort(),
      );
      const rows = await supabase.admin.selectFrom("lists").select(["name", "owner_id"]).execute();
      const foreign = rows.filter(
        ({ name, owner_id }) => owner_id !== users[Number(name?.split(" ")[1])],
      );
      expect(foreign).toEqual([]);
      const names = new Set(rows.map(({ name }) => name));
      for (const [user, kept] of own.entries()) {
        const ids = new Set(kept);
        const missing = [...(written[user] ?? [])].filter(
          ([name, id]) => ids.has(id) && !names.has(name),
        );
        expect(missing).toEqual([]);
      }
      expect(rows).toHaveLength((own[0]?.length ?? 0) + (own[1]?.length ?? 0));
    },
  );
});

/**
 * Limits the database transactions that run at once, with one gate for each database, so that a caller who sends much does not block those who send
 * little. Places are shared out by caller and by transaction, not by request. The time spent waiting counts towards the transaction's time limit.
 */
import { keptQueued } from "../errors.js";
import { CallerLeft } from "../store/failures.js";
import type { Store, Unit, UnitOptions } from "../store/store.js";
import type { Limits } from "../wire/limits.js";

/** A transaction with more operations is large, and counts as this many in its caller's work. */
const large = 100;
/** The longest pause in which a large transaction lets small ones go first. It then works for as long as it has paused, at least. */
const courtesyMs = 20;
/** Above this number, callers with nothing under way are forgotten. */
const rememberedCallers = 10_000;

interface Entering {
  readonly userId: string;
  readonly operations: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

export interface Places {
  /**
   * Runs something that takes one connection, once there is a place for it. Code that holds a place must not ask for a second one: it could wait forever.
   *
   * @param run is told for how many milliseconds it has waited
   * @throws CallerLeft if the caller left before there was a place
   */
  during<T>(entering: Entering, run: (waitedMs: number) => Promise<T>): Promise<T>;
  /** The same for one database transaction. Rejects with what `store.unit` does. */
  unit<T>(
    entering: Entering,
    store: Pick<Store, "unit">,
    options: UnitOptions,
    work: (unit: Unit) => Promise<T>,
  ): Promise<T>;
}

/** A transaction's position in its caller's work, counted in operations and fixed when the transaction arrives. */
interface Turn {
  readonly large: boolean;
  readonly begins: number;
  readonly ends: number;
}

interface Waiter extends Turn {
  readonly enter: () => void;
}

interface CallerTurns {
  held: number;
  /** Where the caller's next turn begins. */
  next: number;
  readonly waiting: Set<Waiter>;
}

/**
 * - The caller who holds the fewest places goes first; among equals, the one with the least work done, counted in operations.
 * - A fifth of the places is reserved for callers who hold none.
 * - Large transactions, whoever sends them, take at most half of the places, and between their statements they let small ones go first.
 *
 * A single caller may therefore use nearly all places, and another caller who arrives still finds one.
 *
 * @param transactionMs the longest wait, in milliseconds
 */
export function createPlaces(
  { concurrentTransactions: places, callerTransactions: ofCaller }: PlacesLimits,
  transactionMs: number,
): Places {
  const bounded = Number.isFinite(places);
  const reserved = !bounded || places === 1 ? 0 : Math.max(1, Math.floor(places / 5));
  const forLarge = bounded ? Math.max(1, Math.floor(places / 2)) : Infinity;
  const callers = new Map<string, CallerTurns>();
  /** Where the latest turn that got a place began, on the scale of `Turn`. */
  let reached = 0;
  let taken = 0;
  let takenByLarge = 0;
  let waiting = 0;
  /** The number of small transactions that run or wait. */
  let small = 0;
  /** Large transactions that pause for small ones, as functions that resume them. */
  const courteous = new Set<() => void>();

  const mayEnter = ({ held }: CallerTurns, isLarge: boolean): boolean =>
    taken < (held === 0 ? places : places - reserved) &&
    held < ofCaller &&
    (!isLarge || takenByLarge < forLarge);

  /** A caller who was idle gets no credit for the idle time. */
  const turnOf = (caller: CallerTurns, operations: number): Turn => {
    const begins = Math.max(caller.next, reached);
    caller.next = begins + Math.min(Math.max(operations, 1), large);
    return { large: operations > large, begins, ends: caller.next };
  };

  const take = (caller: CallerTurns, { large: isLarge, begins }: Turn): void => {
    reached = Math.max(reached, begins);
    caller.held += 1;
    taken += 1;
    if (isLarge) takenByLarge += 1;
  };

  const leave = (caller: CallerTurns, isLarge: boolean): void => {
    caller.held -= 1;
    taken -= 1;
    if (isLarge) takenByLarge -= 1;
    if (waiting > 0) letIn();
    if (taken + waiting === 0) callers.clear();
    else if (callers.size > rememberedCallers) forgetIdle();
  };

  const letIn = (): void => {
    for (let next = first(); next !== undefined; next = first()) {
      const [caller, waiter] = next;
      leaveQueue(caller, waiter);
      take(caller, waiter);
      waiter.enter();
    }
  };

  const first = (): readonly [CallerTurns, Waiter] | undefined => {
    let found: readonly [CallerTurns, Waiter] | undefined;
    let best: readonly [held: number, until: number] = [Infinity, Infinity];
    for (const caller of callers.values()) {
      for (const waiter of caller.waiting) {
        if (!mayEnter(caller, waiter.large)) continue;
        const rank = [caller.held, waiter.ends] as const;
        if (rank[0] < best[0] || (rank[0] === best[0] && rank[1] < best[1])) {
          best = rank;
          found = [caller, waiter];
        }
        break;
      }
    }
    return found;
  };

  const leaveQueue = (caller: CallerTurns, waiter: Waiter): void => {
    if (caller.waiting.delete(waiter)) waiting -= 1;
  };

  const forgetIdle = (): void => {
    for (const [userId, { held, waiting: queue }] of callers) {
      if (held + queue.size === 0) callers.delete(userId);
    }
  };

  const wait = (caller: CallerTurns, turn: Turn, signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", left);
        leaveQueue(caller, waiter);
      };
      const waiter: Waiter = {
        ...turn,
        enter: () => {
          settle();
          resolve();
        },
      };
      const left = (): void => {
        settle();
        reject(new CallerLeft());
      };
      caller.waiting.add(waiter);
      waiting += 1;
      signal?.addEventListener("abort", left);
      const late = (): void => {
        settle();
        reject(tookTooLong(transactionMs));
      };
      const timer = transactionMs === Infinity ? undefined : setTimeout(late, transactionMs);
    });

  const during: Places["during"] = async ({ userId, operations, signal }, run) => {
    if (signal?.aborted) throw new CallerLeft();
    const caller = callers.get(userId) ?? { held: 0, next: 0, waiting: new Set() };
    callers.set(userId, caller);
    const turn = turnOf(caller, operations);
    if (!turn.large) small += 1;
    try {
      let waitedMs = 0;
      // Those who wait need not be considered: whoever could enter would have been let in already.
      if (mayEnter(caller, turn.large)) {
        take(caller, turn);
      } else {
        const since = performance.now();
        await wait(caller, turn, signal);
        waitedMs = performance.now() - since;
      }
      try {
        return await run(waitedMs);
      } finally {
        leave(caller, turn.large);
      }
    } finally {
      if (!turn.large) small -= 1;
      if (small === 0) for (const goOn of courteous) goOn();
    }
  };

  /** Makes the function that one large transaction calls between its statements. */
  const createGiveWay = (): (() => Promise<void> | undefined) => {
    let worksUntil = 0;
    return () => {
      const since = performance.now();
      if (small === 0 || since < worksUntil) return undefined;
      return new Promise((resolve) => {
        const goOn = () => {
          clearTimeout(timer);
          courteous.delete(goOn);
          const now = performance.now();
          worksUntil = now + (now - since);
          resolve();
        };
        const timer = setTimeout(goOn, courtesyMs);
        courteous.add(goOn);
      });
    };
  };

  return {
    during,
    unit: (entering, store, options, work) =>
      during(entering, (waitedMs) => {
        const giveWay = entering.operations > large ? createGiveWay() : undefined;
        return store.unit({ ...options, waitedMs, ...(giveWay && { giveWay }) }, work);
      }),
  };
}

type PlacesLimits = Pick<Limits, "concurrentTransactions" | "callerTransactions">;

function tookTooLong(ms: number): Error {
  const cause = `The transaction found no place within ${ms} ms (timeouts.transactionMs): all of limits.concurrentTransactions are in use.`;
  return keptQueued("The database is taking too long right now.", new Error(cause));
}

/**
 * Keeps track of what is in progress: limits for all callers together and for each, and draining before the process stops.
 *
 * A request is a visit with three stages: it is authenticated, it waits for its body, it is processed. Each stage has its own limit, so that a request
 * that waits takes no place from those whose bodies have arrived. Arriving bytes and bytes in process have separate limits for the same reason.
 */
import type { Principal } from "../context.js";
import { isForbidden, isUnauthenticated } from "../errors.js";
import type { Limits } from "../wire/limits.js";

export interface Load {
  /** Runs something that `drain` waits for. */
  during<T>(run: () => Promise<T>): Promise<T>;
  readonly draining: () => boolean;
  /** The number of runs that `drain` would wait for. */
  readonly inFlight: () => number;
  /** See `Writes.drain`. */
  drain(ms: number): Promise<boolean>;
  /** Lets a request in, to be authenticated. `undefined` if the limit is reached. */
  admit(): Visit | undefined;
}

/** One request's way through the process. */
export interface Visit {
  /**
   * Counts the visit among its caller's. It now waits for its body. If too many visits wait, one of them is dismissed.
   *
   * @returns false if the caller already has the most visits allowed
   * @throws TypeError for an invalid principal
   */
  identify(principal: Principal): boolean;
  /** Called if the wait has to end to make room for others. To be set by the code that waits for the body. */
  dismiss: (reason: Crowded) => void;
  /** More bytes of the body have arrived, or have been inflated. */
  came(bytes: number): void;
  /**
   * The size of the body is known, but not yet how much memory it takes.
   *
   * @param size its bytes, or its characters
   * @throws Crowded if a body of this size or smaller was refused since room was last given back: measuring this one would be wasted work
   */
  measurable(size: number): void;
  /**
   * The body has arrived, and the wait ends.
   *
   * @param bytes the approximate memory that the body and its values will take
   * @throws Crowded if there is no room for it right now
   */
  arrived(bytes: number): void;
  /** To be called once, at the end. */
  leave(): void;
}

/** There is no room for a request right now. No error event is emitted, because nothing is wrong, and the `request` event has the status. */
export class Crowded extends Error {
  /** 429 if the caller's own requests take up the room. */
  readonly status: 429 | 503;

  constructor(status: 429 | 503) {
    super(
      status === 429
        ? "Your requests take too much memory. Wait for their answers, and try again."
        : "The server is busy. Try again.",
    );
    this.status = status;
  }
}

export function createLoad(limits: Limits): Load {
  const underWay = new Set<Promise<unknown>>();
  let draining = false;
  const admit = createAdmission(limits);

  /** Waits also for runs that begin in the meantime. */
  const empty = async (): Promise<true> => {
    while (underWay.size > 0) await Promise.allSettled(underWay);
    return true;
  };

  return {
    during: (run) => {
      const running = run().finally(() => underWay.delete(running));
      underWay.add(running);
      return running;
    },
    draining: () => draining,
    inFlight: () => underWay.size,
    drain: async (ms) => {
      draining = true;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const timeout = new Promise<false>((resolve) => {
        timer = setTimeout(resolve, ms, false);
      });
      const finished = empty();
      const inTime = await Promise.race([finished, timeout]);
      clearTimeout(timer);
      return inTime;
    },
    admit,
  };
}

/** A caller with visits under way. */
interface CallerLoad {
  visits: number;
  /** Visits that wait for their bodies, in order of arrival. */
  readonly waiting: Set<WaitingVisit>;
  /** The bytes of bodies that are still arriving. */
  bytes: number;
  /** The memory of the requests being processed, in bytes. */
  room: number;
  /** The size of the smallest body that was refused since the caller last gave back room. */
  refused: number;
}

function newCaller(): CallerLoad {
  return { visits: 0, waiting: new Set(), bytes: 0, room: 0, refused: Infinity };
}

interface WaitingVisit {
  readonly number: number;
  bytes: number;
  readonly dismiss: (reason: Crowded) => void;
}

function createAdmission({ requests, concurrentRequests, memoryBytes }: Limits): Load["admit"] {
  // Contains only callers with visits under way, so it stays bounded.
  const callers = new Map<string, CallerLoad>();
  const onTheWay = memoryBytes / 2;
  const ofCaller = memoryBytes / 4;
  // Requests that take more than `small` leave an eighth of the memory to the others.
  const small = memoryBytes / 128;
  const forLarge = (memoryBytes / 8) * 7;
  let number = 0;
  let authenticating = 0;
  let waiting = 0;
  let processing = 0;
  let bytesOnTheWay = 0;
  let room = 0;
  let roomOfLarge = 0;
  // The same as `CallerLoad.refused`, for all callers together.
  let refused = Infinity;

  const stopWaiting = (caller: CallerLoad, visit: WaitingVisit): void => {
    if (!caller.waiting.delete(visit)) return;
    waiting -= 1;
    caller.bytes -= visit.bytes;
    bytesOnTheWay -= visit.bytes;
  };

  /** Dismisses the oldest visit of the caller who has the most. A caller with few visits finds a place, however many others wait. */
  const dismissOne = (of: (caller: CallerLoad) => number, reason: Crowded): void => {
    let chosen: CallerLoad | undefined;
    let first: WaitingVisit | undefined;
    for (const caller of callers.values()) {
      const [candidate] = caller.waiting;
      if (candidate === undefined || (chosen !== undefined && of(caller) < of(chosen))) continue;
      if (
        first === undefined ||
        of(caller) > of(chosen as CallerLoad) ||
        candidate.number < first.number
      ) {
        [chosen, first] = [caller, candidate];
      }
    }
    if (chosen === undefined || first === undefined) return;
    stopWaiting(chosen, first);
    first.dismiss(reason);
  };

  const takeRoom = (caller: CallerLoad, bytes: number, size: number): void => {
    const isLarge = bytes > small;
    // A large request is always let in if no other is being processed; otherwise it could never be processed.
    const fits = isLarge
      ? roomOfLarge === 0 || roomOfLarge + bytes <= forLarge
      : room + bytes <= memoryBytes;
    if (caller.room > 0 && caller.room + bytes > ofCaller) {
      caller.refused = Math.min(caller.refused, size);
      throw new Crowded(429);
    }
    if (!fits && isLarge) refused = Math.min(refused, size);
    if (!fits || processing >= requests) throw new Crowded(503);
    processing += 1;
    caller.room += bytes;
    room += bytes;
    if (isLarge) roomOfLarge += bytes;
  };

  return () => {
    if (authenticating >= requests) return undefined;
    authenticating += 1;
    let leave = () => {
      authenticating -= 1;
    };
    let size = 0;
    let waits: { readonly caller: CallerLoad; readonly visit: WaitingVisit } | undefined;

    const visit: Visit = {
      dismiss: () => undefined,
      identify: (principal) => {
        const { userId } = verifiedPrincipal(principal);
        const known = callers.get(userId);
        if (known !== undefined && known.visits >= concurrentRequests) return false;
        const caller = known ?? newCaller();
        callers.set(userId, caller);
        caller.visits += 1;
        authenticating -= 1;
        number += 1;
        const own = { number, bytes: 0, dismiss: (reason: Crowded) => visit.dismiss(reason) };
        waits = { caller, visit: own };
        caller.waiting.add(own);
        waiting += 1;
        leave = () => {
          stopWaiting(caller, own);
          caller.visits -= 1;
          if (caller.visits === 0) callers.delete(userId);
        };
        if (waiting > requests) dismissOne((each) => each.waiting.size, new Crowded(503));
        return true;
      },
      came: (bytes) => {
        if (waits === undefined || !waits.caller.waiting.has(waits.visit)) return;
        const { caller, visit: own } = waits;
        own.bytes += bytes;
        caller.bytes += bytes;
        bytesOnTheWay += bytes;
        // A body that arrives alone may exceed the bound.
        while (bytesOnTheWay > onTheWay && bytesOnTheWay > own.bytes) {
          if ([...callers.values()].some((each) => each.bytes > caller.bytes)) {
            dismissOne((each) => each.bytes, new Crowded(503));
            continue;
          }
          // No caller has more bytes arriving than this one. Its other bodies may be nearly complete, so this one goes.
          stopWaiting(caller, own);
          visit.dismiss(new Crowded(caller.bytes > 0 ? 429 : 503));
          return;
        }
      },
      measurable: (bytes) => {
        size = bytes;
        if (waits === undefined) return;
        if (size >= waits.caller.refused) throw new Crowded(429);
        if (size >= refused) throw new Crowded(503);
      },
      arrived: (bytes) => {
        if (waits === undefined) return;
        const { caller, visit: own } = waits;
        waits = undefined;
        const left = leave;
        stopWaiting(caller, own);
        takeRoom(caller, bytes, size);
        leave = () => {
          processing -= 1;
          caller.room -= bytes;
          caller.refused = Infinity;
          room -= bytes;
          if (bytes > small) {
            roomOfLarge -= bytes;
            refused = Infinity;
          }
          left();
        };
      },
      leave: () => leave(),
    };
    return visit;
  };
}

/** @throws TypeError for an invalid principal, which is a bug in the application and not the caller's fault */
export function verifiedPrincipal<P extends Principal>(principal: P): P {
  if (typeof principal === "function") {
    throw new TypeError(
      "authenticate returned a function: call it where it is configured, as in anonymous().",
    );
  }
  if (typeof principal?.userId !== "string" || principal.userId === "") {
    throw new TypeError(
      `A principal needs a userId that is a non-empty string.${principalRemedy(principal)}`,
    );
  }
  return principal;
}

/** The usual mistakes of code without types. */
function principalRemedy(returned: unknown): string {
  const back = "Remedy: have authenticate return { userId }, or your route pass it as `principal`";
  if (isUnauthenticated(returned) || isForbidden(returned))
    return " Remedy: throw unauthenticated() or forbidden() instead of returning it.";
  if (typeof returned !== "object" || returned === null)
    return ` ${back}; authenticate throws unauthenticated() for a caller that it does not let in.`;
  const { userId } = returned as { readonly userId?: unknown };
  return typeof userId === "number" || typeof userId === "bigint"
    ? ` ${back}; the number as text: String(id).`
    : ` ${back}.`;
}

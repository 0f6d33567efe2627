/**
 * What is in progress in the process: the limits for all callers together and for each, and how the process is stopped between requests.
 *
 * A request is a visit with three stages: it is authenticated, it waits for its body, it is processed. Each stage has its own limit, so that a request
 * that waits takes no place from those whose bodies have arrived. Arriving bytes and bytes in process have separate limits for the same reason.
 */
import type { Principal } from "../context.js";
import type { Limits } from "../wire/limits.js";

export interface Load {
  /** Runs something that `drain` waits for. */
  during<T>(run: () => Promise<T>): Promise<T>;
  readonly draining: () => boolean;
  /** How much runs that `drain` would wait for. */
  readonly inFlight: () => number;
  /** See `Writes.drain`. */
  drain(ms: number): Promise<boolean>;
  /** Lets a request in, to be authenticated. `undefined` if the limit is reached. */
  admit(): Visit | undefined;
}

/** One request's way through the process. */
export interface Visit {
  /**
   * From here on it counts among its caller's, and waits for its body. Where too many wait, another one has to go.
   *
   * @returns false where the caller has as many under way as may be
   * @throws TypeError for what is no principal
   */
  identify(principal: Principal): boolean;
  /** Called where the wait has to end for the sake of others. To be set by whoever waits for the body. */
  dismiss: (reason: Crowded) => void;
  /** More of its body is there, or of what that is inflated to. */
  came(bytes: number): void;
  /**
   * The body is there, but what it takes in memory is still to be found out.
   *
   * @param size its bytes, or its characters
   * @throws Crowded where one of the size has found no room since any was given back: finding out is work, too
   */
  measurable(size: number): void;
  /**
   * The body is there: the wait ends.
   *
   * @param bytes what the body and its values will take in memory, about
   * @throws Crowded where there is no room for it right now
   */
  arrived(bytes: number): void;
  /** To be called once, at the end. */
  leave(): void;
}

/** There is no room for a request right now. That is nobody's fault, and no event is emitted: the status says it. */
export class Crowded extends Error {
  /** 429 where it is the caller's own requests that take the room. */
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

  /** Also of what has begun in the meantime. */
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

/** A caller who has something under way. */
interface CallerLoad {
  visits: number;
  /** Those that wait for their bodies, in the order in which they came. */
  readonly waiting: Set<WaitingVisit>;
  /** On their way. */
  bytes: number;
  /** Being processed. */
  room: number;
  /** The size of the smallest body that found no room since the caller gave any back. */
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
  // Holds no more than what is under way.
  const callers = new Map<string, CallerLoad>();
  const onTheWay = memoryBytes / 2;
  const ofCaller = memoryBytes / 4;
  // What is larger leaves an eighth to what is not.
  const small = memoryBytes / 128;
  const forLarge = (memoryBytes / 8) * 7;
  let number = 0;
  let authenticating = 0;
  let waiting = 0;
  let processing = 0;
  let bytesOnTheWay = 0;
  let room = 0;
  let roomOfLarge = 0;
  // Of all: see `Caller`.
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
    // A single large one is always let in; otherwise it could never be processed.
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
        // One may come however large it is.
        while (bytesOnTheWay > onTheWay && bytesOnTheWay > own.bytes) {
          if ([...callers.values()].some((each) => each.bytes > caller.bytes)) {
            dismissOne((each) => each.bytes, new Crowded(503));
            continue;
          }
          // Nobody has more on the way than this caller. The others of the caller's may be nearly there.
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

/** @throws TypeError for what is no principal: a bug in the application, and not the caller's fault */
export function verifiedPrincipal<P extends Principal>(principal: P): P {
  if (typeof principal?.userId !== "string" || principal.userId === "") {
    throw new TypeError("A principal needs a userId that is a non-empty string.");
  }
  return principal;
}

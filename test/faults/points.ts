/** Faults at named points of what passes, at positions that the seed says. */
import type { Passing, Proxy, Verdict } from "../support/proxy.js";
import type { ServerPlace, World } from "./terms.js";

export interface Point {
  readonly fault: string;
  readonly at: (passing: Passing, place: ServerPlace) => boolean;
  /** What happens there. */
  readonly verdict: (place: ServerPlace) => Verdict;
  /** One in up to so many times. Default 3. */
  readonly every?: number;
  /** In all. Default: a third of the transactions that are queued at first. */
  readonly most?: number;
}

/** Between servers and database. */
export function onLinks(world: World, points: readonly Point[]): void {
  arm(world, points, ({ link }) => link);
}

/** Between devices and servers. */
export function onEntrances(world: World, points: readonly Point[]): void {
  arm(world, points, ({ entrance }) => entrance);
}

/** The server process is killed there, and another one takes its place. */
export function killed(
  world: World,
  fault: string,
  at: Point["at"],
  lose?: "statement" | "answer",
): Point {
  const done = (place: ServerPlace) => () => killAndRestart(world, place);
  return { fault, at, verdict: (place) => ({ ...(lose && { lose }), done: done(place) }) };
}

export function killAndRestart(world: World, place: ServerPlace): void {
  place.replace().catch((error: unknown) => world.complain(String(error)));
}

function arm(
  world: World,
  points: readonly Point[],
  proxyOf: (place: ServerPlace) => Proxy | undefined,
): void {
  const armed = points.map((point) => armedPoint(world, point));
  for (const place of world.servers) {
    const proxy = proxyOf(place);
    if (proxy === undefined) continue;
    proxy.judge = (passing) => {
      for (const judge of armed) {
        const verdict = judge(passing, place);
        if (verdict !== undefined) return verdict;
      }
      return undefined;
    };
  }
}

function armedPoint(
  world: World,
  { fault, at, verdict, every = 3, most = Math.ceil(world.planned / 3) }: Point,
): (passing: Passing, place: ServerPlace) => Verdict | undefined {
  let passed = world.random.below(every);
  let left = most;
  return (passing, place) => {
    if (left <= 0 || !at(passing, place)) return undefined;
    passed -= 1;
    if (passed >= 0) return undefined;
    passed = world.random.below(every);
    const happening = verdict(place);
    return {
      ...happening,
      // Where another fault comes in between, this one has not happened.
      done: () => {
        left -= 1;
        world.fired(fault);
        happening.done?.();
      },
    };
  };
}

export const isBegin = ({ begins }: Passing): boolean => begins;
export const isCommit = ({ kind }: Passing): boolean => kind === "commit";
export const isRequest = ({ kind }: Passing): boolean => kind === "request";

/** The nth statement of a database transaction; which one the seed says, anew each time. */
export function isStatement(world: World, most = 4): (passing: Passing) => boolean {
  let wanted = 1 + world.random.below(most);
  return ({ kind, index }) => {
    if (kind !== "statement" || index !== wanted) return false;
    wanted = 1 + world.random.below(most);
    return true;
  };
}

/**
 * Limits the number and the bytes of the open dead letters of a user and of a device: a client whose every write fails must not fill the database.
 * A transaction that can't be recorded stays on its device. For a while that device is refused without a query; the user's other devices go on.
 */
import type { RetryableResult } from "../model.js";
import type { Chain, WaitingLetters } from "../store/letters.js";
import type { Unit } from "../store/store.js";
import { sha256 } from "../wire/serialize.js";
import { checkLimit } from "../wire/limits.js";

const pauseMs = 30_000;
/** The most refused devices that are remembered for each database; beyond that, the oldest are forgotten and cost a query again. */
const rememberedDevices = 10_000;

/** The sender of a letter, and the chain in which it is recorded. */
interface LetterSender {
  readonly userId: string;
  readonly clientId?: string | undefined;
  readonly queueId?: string | undefined;
  /** The letter that it depends on, if any. A dependant is limited by bytes only. */
  readonly root?: string | undefined;
}

export interface LetterQuota {
  /**
   * Call this in the transaction that records the next letter. Concurrent attempts don't see each other's letters, so together they may exceed
   * the limit.
   *
   * @param repeats returns whether the letter already waits, so that it takes no more room; called only at the limit
   * @throws TooManyLetters if the limit is reached
   */
  check(unit: Unit, memory: Refusals, sender: LetterSender, repeats: Repeats): Promise<void>;
  /**
   * A chain counts as one letter and has limits of its own: as many dependants as letters may be open, and a device's share of the bytes.
   *
   * @throws ChainFull
   */
  checkChain(chain: Chain, root: string, repeats: Repeats): Promise<void>;
  /** The answer to a device that reached its limit a moment ago; `undefined` for any other. */
  refusal(memory: Refusals, sender: LetterSender): RetryableResult | undefined;
}

type Repeats = () => Promise<boolean>;

type Refusals = { readonly refused: Map<string, number> };

export class TooManyLetters extends Error {}

/** The chain is full, so one queue waits. Unlike `TooManyLetters`, this does not stop the device's other queues. */
export class ChainFull extends Error {
  readonly root: string;

  constructor(root: string) {
    super(
      `The chain behind the dead letter ${root} is full (deadLetters.open letters, or half of deadLetters.openBytes): retry or discard the letter. Nothing has been recorded.`,
    );
    this.root = root;
  }
}

interface LetterBounds {
  readonly open?: number;
  readonly openBytes?: number;
}

const defaults = { open: 1_000, openBytes: 64 * 1024 * 1024 };

/** The part of a user's limit that one device may take, so that a broken device leaves room for the others. */
const share = 1 / 2;

/** @throws TypeError for an invalid limit */
export function createLetterQuota({
  open = defaults.open,
  openBytes = defaults.openBytes,
}: LetterBounds = {}): LetterQuota {
  checkLimit("deadLetters.open", open);
  checkLimit("deadLetters.openBytes", openBytes);

  const pause = ({ refused }: Refusals, sender: LetterSender): void => {
    const key = queueOf(sender);
    if (key === undefined) return;
    // Deleted first, so that the map stays ordered by age.
    refused.delete(key);
    refused.set(key, performance.now() + pauseMs);
    for (const oldest of refused.keys()) {
      if (refused.size <= rememberedDevices) break;
      refused.delete(oldest);
    }
  };

  /** Describes the limit that is reached. Below the limit of bytes, one more letter of any size fits: otherwise a large letter could never be recorded. */
  const fullOf = (
    { root }: LetterSender,
    who: string,
    { letters, bytes }: WaitingLetters,
    part: number,
  ) => {
    if (root === undefined && letters >= Math.ceil(open * part)) {
      return `The ${who} has ${letters} open dead letters (deadLetters.open)`;
    }
    if (bytes < openBytes * part) return undefined;
    return `The ${who} has open dead letters of ${bytes} bytes (deadLetters.openBytes)`;
  };

  return {
    check: async (unit, memory, sender, repeats) => {
      if (open === Infinity && openBytes === Infinity) return;
      const { userId, clientId } = sender;
      const subject = await sha256(userId);
      const { ofUser, ofClient } = await unit.letters.countWaiting(subject, clientId, open);
      const full =
        (clientId === undefined ? undefined : fullOf(sender, "device", ofClient, share)) ??
        fullOf(sender, "caller", ofUser, 1);
      if (full === undefined || (await repeats())) return;
      pause(memory, sender);
      throw new TooManyLetters(`${full}: retry or discard some. Nothing has been recorded.`);
    },

    checkChain: async ({ length, bytes }, root, repeats) => {
      const full = length >= open || bytes >= openBytes * share;
      if (full && !(await repeats())) throw new ChainFull(root);
    },

    refusal: ({ refused }, sender) => {
      const key = queueOf(sender);
      const until = key === undefined ? undefined : refused.get(key);
      if (key === undefined || until === undefined) return undefined;
      const retryAfterMs = Math.ceil(until - performance.now());
      if (retryAfterMs > 0) return tooManyLetters(retryAfterMs);
      refused.delete(key);
      return undefined;
    },
  };
}

/** `undefined` for a device without a client id: it can't be told from the user's other devices, so it is never refused in advance. */
function queueOf({ userId, clientId, queueId }: LetterSender): string | undefined {
  return clientId === undefined ? undefined : JSON.stringify([userId, clientId, queueId ?? null]);
}

export function tooManyLetters(retryAfterMs = pauseMs): RetryableResult {
  return {
    status: "retryable_error",
    message: "Too many of your changes have failed and are waiting for review.",
    retryAfterMs,
    tooManyDeadLetters: true,
  };
}

/**
 * The ledger, as every store keeps it: claims on its rows, saved answers, and how content tells transactions apart if the device is unknown. A repeat is then a
 * replay only while no other transaction of the user has named its rows.
 */
import { type FatalResult, success, type TransactionResult } from "../model.js";
import { parseJson } from "../wire/parse-json.js";

/** A claim on the ledger's row for a transaction. It commits with the transaction's writes, so that a transaction sent twice is applied once. */
export interface Claim {
  /** The transaction's identity: hex SHA-256. Absent: it has none, and only the rows that it names are entered. */
  readonly key?: string;
  /** The queue that it came from: hex SHA-256. Absent: the device is unknown, and content is the transaction's identity. */
  readonly queue?: string;
  /** The id of the request that carried it. */
  readonly request: string;
  /** When that request began, by `performance.now()`. This orders a queue's requests. */
  readonly requestBegan: number;
  /** The answer to save. Absent: success. */
  readonly answer?: FatalResult;
  /** How often the client has been asked about it. An answer that leaves the decision to the client is valid for claims with this number or a lower one. */
  readonly handling?: number;
  /** The transaction was answered a moment ago, and only the request is to be entered. */
  readonly known?: true;
  readonly userId: string;
  /** Hex SHA-256 of the user. */
  readonly subject: string;
  /** How many of a user's queues the ledger keeps. Absent: all of them. */
  readonly devices?: DeviceBound;
  readonly content: Content;
}

export interface DeviceBound {
  /** The most queues of a user. */
  readonly most: number;
  /** At the limit, a queue that has received no answer for this many milliseconds is removed to make room for a new one. */
  readonly unseenMs: number;
  /** Called if a queue was removed, after the commit. */
  readonly forgotten: () => void;
}

/** The content of a transaction, for the ledger. */
export interface Content {
  /** Whether the transaction is entered by its content, because its repeat may not say that it comes from the same device. */
  readonly entered: boolean;
  /** For how long content tells transactions apart, in milliseconds. */
  readonly withinMs: number;
  /** Computes the hashes, which few transactions need. */
  read(): Promise<ContentNames>;
  /** Called if content alone has decided that the transaction is a repeat, after the commit. */
  readonly decided: () => void;
}

/** Hex SHA-256 hashes, each different for every user. */
export interface ContentNames {
  /** Of the transaction's id and content. Absent: the transaction has no id, and is never a repeat. */
  readonly key?: string;
  /** Identities under which the ledger may know the transaction from before its queue had this id. */
  readonly others: readonly string[];
  /** The rows that it names, by the client's names. Absent: they are so many that it counts as naming all. */
  readonly rows?: readonly string[];
  /** Stands for all rows. */
  readonly all: string;
}

/** A claim with the hashes of its content. */
export interface ClaimWithNames extends Claim {
  readonly names: ContentNames;
}

/** What is entered to find a transaction by its content. */
export interface ContentEntry {
  readonly key: string;
  readonly answer: FatalResult | undefined;
}

/** `undefined`: the transaction has no id, or the client decides about it, and its next try must not count as a repeat. */
export function contentEntry(
  { key }: ContentNames,
  { answer }: Pick<Claim, "answer">,
): ContentEntry | undefined {
  return key === undefined || answer?.requiresClientHandling ? undefined : { key, answer };
}

/** What was found when a transaction was claimed: an earlier copy of it, if there is one. */
export interface EarlierCopy {
  /** The saved answer. The transaction is a replay, and nothing may be written. */
  readonly earlier?: TransactionResult;
  /** Whether the earlier copy was found by its content only. */
  readonly byContent?: boolean;
  /** Whether another device's rows were deleted to make room. */
  readonly forgotten?: boolean;
}

/** How much longer named rows are kept than content tells transactions apart. Clock differences and open transactions are shorter than this. */
export const namedMarginMs = 3_600_000;

/** @param saved `null` for success; otherwise a fatal result as the JSON that the library wrote */
export function answerOf(saved: string | null): TransactionResult {
  return saved === null ? success : (parseJson(saved) as FatalResult);
}

/** The number saved with an answer: how often the client had been asked by then. `null` for a final answer. */
export function handlingOf({ answer, handling }: Pick<Claim, "answer" | "handling">) {
  return answer?.requiresClientHandling === true ? (handling ?? null) : null;
}

/**
 * Whether the transaction has to be tried although an answer is saved: the client has been asked more often since, so it has decided to try again. A
 * client that sends no `handling` could never ask for a new try otherwise, so its transaction is always tried.
 *
 * @param saved see `handlingOf`
 */
export function isTriedAnew(
  saved: number | null,
  { handling, known }: Pick<Claim, "handling" | "known">,
): saved is number {
  return saved !== null && known !== true && (handling === undefined || handling > saved);
}

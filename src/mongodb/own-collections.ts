/** The library's own collections: their documents and indexes, and `createCollections`. Two units that insert the same `_id` conflict, and one of them is run again. */
import type { Collection, Db, IndexDescription, Long } from "mongodb";
import type { LetterStatus } from "../store/letters.js";

export interface LedgerDocument {
  /** The transaction's identity. */
  readonly _id: string;
  readonly queue: string;
  /** The latest request that contained the transaction, and when that request began. */
  readonly request: string;
  readonly requestAt: Date;
  /** The request in which it was first answered. */
  readonly firstRequest: string;
  readonly firstRequestAt: Date;
  /** JSON; `null` for success. */
  readonly answer: string | null;
  /** For an answer that leaves the decision to the client: how often the client had been asked by then. `null`: the answer is final. */
  readonly handling: number | null;
  readonly answeredAt: Date;
  /** `null`: it was not applied. */
  readonly appliedAt: Date | null;
}

export interface DeviceDocument {
  /** The queue. */
  readonly _id: string;
  /** The user: hex SHA-256. */
  readonly subject: string;
  /** Whether the device has sent nothing but repeats so far. */
  readonly unsettled: boolean;
}

export interface AccountDocument {
  /** The user: hex SHA-256. */
  readonly _id: string;
  /** The position of the rows that were named last. */
  readonly position: number;
  /** When a transaction was last entered by its content. `null`: never. */
  readonly toldAt: Date | null;
  /** Incremented with every device that is entered, so that concurrent entries conflict. */
  readonly entered: number;
}

/** A row that a user's transaction has named, or a transaction that was entered by its content. */
export interface NamedDocument {
  readonly _id: string;
  readonly subject: string;
  readonly position: number;
  /** JSON; `null` for success, and for rows. */
  readonly answer: string | null;
  readonly namedAt: Date;
}

export interface VersionDocument {
  /** The table and the key. */
  readonly _id: string;
  readonly writer: string;
  readonly version: bigint | Long;
  readonly since: bigint | Long;
  readonly subject: string;
  readonly writtenAt: Date;
}

export interface AttemptsDocument {
  /** The transaction's content. */
  readonly _id: string;
  readonly attempts: number;
  readonly firstAt: Date;
  readonly previousAt: Date | null;
  readonly lastAt: Date;
}

export interface CheckpointDocument {
  readonly _id: string;
  readonly userId: string;
  readonly clientId: string;
  readonly checkpoint: bigint | Long;
}

/** Texts are escaped as in JSON, because the driver would replace an unpaired surrogate. */
export interface LetterDocument {
  readonly _id: string;
  readonly status: LetterStatus;
  readonly errorCode: string;
  readonly message: string;
  readonly operationIndex: number | null;
  readonly userId: string;
  readonly subject: string;
  readonly clientId: string | null;
  readonly queueId: string | null;
  readonly identity: string | null;
  readonly content: string;
  /** Equal to `content` while the letter waits, and the same content would be a repetition. Unique among all letters. */
  readonly repeated?: string;
  readonly tables: readonly string[];
  readonly lossyNumbers: boolean;
  readonly attempts: number;
  /** UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`. */
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly closedAt: string | null;
  readonly reason: string | null;
  readonly edited: boolean;
  readonly overtaken: boolean;
  /** The length of its payloads, in characters. */
  readonly size: number;
  /** Hashes of the rows that the letter would create. */
  readonly creates: readonly string[];
  /** The root of its chain. `null`: it depends on no letter. */
  readonly root: string | null;
  /** The position among the root's dependants, from 1. A root has 0. */
  readonly position: number;
  /** For a root: the position of its latest dependant, and the total size of all dependants. */
  readonly last: number;
  readonly bytes: number;
  /** Whether the same content is no repetition, because the letter has dependants or is one. */
  readonly unique: boolean;
  /** Incremented to lock the letter: concurrent changes conflict. */
  readonly locks: number;
}

/** A part of a letter's long text, small enough for a document. */
export interface LetterPartDocument {
  readonly _id: string;
  readonly letter: string;
  readonly kind: LetterText;
  readonly nr: number;
  readonly text: string;
}

export type LetterText = "payload" | "original" | "principal" | "rowStates";

export interface Own {
  readonly ledger: Collection<LedgerDocument>;
  readonly devices: Collection<DeviceDocument>;
  readonly accounts: Collection<AccountDocument>;
  readonly named: Collection<NamedDocument>;
  readonly versions: Collection<VersionDocument>;
  readonly attempts: Collection<AttemptsDocument>;
  readonly checkpoints: Collection<CheckpointDocument>;
  readonly letters: Collection<LetterDocument>;
  readonly parts: Collection<LetterPartDocument>;
}

export function ownOf(db: Db): Own {
  return {
    ledger: db.collection(ownNames.ledger),
    devices: db.collection(ownNames.devices),
    accounts: db.collection(ownNames.accounts),
    named: db.collection(ownNames.named),
    versions: db.collection(ownNames.versions),
    attempts: db.collection(ownNames.attempts),
    checkpoints: db.collection(ownNames.checkpoints),
    letters: db.collection(ownNames.letters),
    parts: db.collection(ownNames.parts),
  };
}

export const ownNames: Readonly<Record<keyof Own, string>> = {
  ledger: "powersync_ledger",
  devices: "powersync_devices",
  accounts: "powersync_accounts",
  named: "powersync_named",
  versions: "powersync_versions",
  attempts: "powersync_attempts",
  checkpoints: "powersync_checkpoints",
  letters: "powersync_dead_letters",
  parts: "powersync_letter_parts",
};

const index = (name: string, key: IndexDescription["key"]): IndexDescription => ({ name, key });

/** The indexes in addition to the one on `_id`. */
export const ownIndexes: Readonly<Record<keyof Own, readonly IndexDescription[]>> = {
  ledger: [
    index("queue", { queue: 1, firstRequestAt: 1 }),
    index("answered", { answeredAt: 1, _id: 1 }),
    index("applied", { appliedAt: 1 }),
  ],
  devices: [index("subject", { subject: 1 })],
  accounts: [],
  named: [index("subject", { subject: 1, position: -1 }), index("named", { namedAt: 1, _id: 1 })],
  versions: [index("subject", { subject: 1 }), index("written", { writtenAt: 1, _id: 1 })],
  attempts: [index("last", { lastAt: 1, _id: 1 })],
  checkpoints: [index("user", { userId: 1 })],
  letters: [
    index("subject", { subject: 1, status: 1 }),
    {
      ...index("repeated", { repeated: 1 }),
      unique: true,
      partialFilterExpression: { repeated: { $type: "string" } },
    },
    index("creates", { creates: 1 }),
    index("root", { root: 1, position: 1 }),
    index("seen", { firstSeenAt: 1, _id: 1 }),
    index("closed", { closedAt: 1, _id: 1 }),
  ],
  parts: [index("letter", { letter: 1, kind: 1, nr: 1 })],
};

/**
 * Creates the library's own collections and their indexes, unless they exist. Any number of processes may do so at once.
 *
 * @throws the driver's error, for example if the user may not create collections
 * @example
 * await createCollections(mongodb(client, { database: "app" }));
 */
export async function createCollections({ db }: { readonly db: Db }): Promise<void> {
  const there = await db.listCollections({}, { nameOnly: true }).toArray();
  const names = new Set(there.map(({ name }) => name));
  for (const [each, name] of Object.entries(ownNames) as [keyof Own, string][]) {
    if (!names.has(name)) await create(db, name);
    const indexes = ownIndexes[each];
    // The server skips indexes that exist already.
    if (indexes.length > 0) await db.collection(name).createIndexes([...indexes]);
  }
}

const namespaceExists = 48;

async function create(db: Db, name: string): Promise<void> {
  try {
    await db.createCollection(name);
  } catch (error) {
    // Another process has created it in the meantime.
    if ((error as { readonly code?: unknown }).code !== namespaceExists) throw error;
  }
}

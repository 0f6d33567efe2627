/** The library's own collections. Their claim is `_id`: two units that enter the same one meet, and one of them is begun again. */
import type { Collection, Db, IndexDescription, Long } from "mongodb";
import type { LetterStatus } from "../store/letters.js";

export interface LedgerDocument {
  /** The transaction's identity. */
  readonly _id: string;
  readonly queue: string;
  /** The latest request that held it, and when that began. */
  readonly request: string;
  readonly requestAt: Date;
  /** The one in which it was answered first. */
  readonly firstRequest: string;
  readonly firstRequestAt: Date;
  /** JSON; `null` for success. */
  readonly answer: string | null;
  /** How often the client had been asked, where it has to decide about the answer; `null`: the answer is final. */
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
  /** Nothing has come of it but repeats. */
  readonly unsettled: boolean;
}

export interface AccountDocument {
  /** The user: hex SHA-256. */
  readonly _id: string;
  /** Of what was named last. */
  readonly position: number;
  /** When a transaction was last entered that is told apart by its content; `null`: never. */
  readonly toldAt: Date | null;
  /** Devices that have been entered: who enters one waits for others who do. */
  readonly entered: number;
}

/** A row that a user's transaction has named, or a transaction that is told apart by its content. */
export interface NamedDocument {
  readonly _id: string;
  readonly subject: string;
  readonly position: number;
  /** JSON; `null` for success, and for rows. */
  readonly answer: string | null;
  readonly namedAt: Date;
}

export interface VersionDocument {
  /** Table and key. */
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

/** Texts as JSON would escape them: a driver would replace halves of a surrogate pair. */
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
  /** The same, while it waits and the same content again would be its repetition. No two letters have the same. */
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
  /** Characters of its payloads. */
  readonly size: number;
  /** Hashes of the rows that it would create. */
  readonly creates: readonly string[];
  /** Its chain's root; `null`: it is none's dependant. */
  readonly root: string | null;
  /** Among the root's dependants, from 1; 0 of a root. */
  readonly position: number;
  /** Of a root: the position of its latest dependant, and the size of all. */
  readonly last: number;
  readonly bytes: number;
  /** The same content again is no repetition: this letter has dependants, or is one. */
  readonly unique: boolean;
  /** Counted up by who wants that nobody else changes it meanwhile. */
  readonly locks: number;
}

/** Long texts of a letter, in parts that each fit a document. */
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

/** Beside that on `_id`. */
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
 * Makes the library's own collections and their indexes, where they are not there yet. Many processes may do so at once.
 *
 * @throws what the driver throws, where the user may not create collections
 * @example
 * await createCollections(mongodb(client, { database: "app" }));
 */
export async function createCollections({ db }: { readonly db: Db }): Promise<void> {
  const there = await db.listCollections({}, { nameOnly: true }).toArray();
  const names = new Set(there.map(({ name }) => name));
  for (const [each, name] of Object.entries(ownNames) as [keyof Own, string][]) {
    if (!names.has(name)) await create(db, name);
    const indexes = ownIndexes[each];
    // The server leaves alone what is there already.
    if (indexes.length > 0) await db.collection(name).createIndexes([...indexes]);
  }
}

const namespaceExists = 48;

async function create(db: Db, name: string): Promise<void> {
  try {
    await db.createCollection(name);
  } catch (error) {
    // Another process was quicker.
    if ((error as { readonly code?: unknown }).code !== namespaceExists) throw error;
  }
}

/** Chains of dead letters: which letters wait for others, and which rows each would create. */
import { type LetterStore, waiting } from "../store/letters.js";
import { stillWaits } from "./letter-documents.js";
import type { LetterDocument } from "./own-collections.js";
import type { Sending } from "./commands.js";

/** Whether the user has waiting letters. */
export async function hasWaiting({ own, on, send }: Sending, subject: string): Promise<boolean> {
  const filter = { subject, ...stillWaits };
  return (
    (await send(() => own.letters.findOne(filter, { ...on, projection: { _id: 1 } }))) !== null
  );
}

interface Place {
  /** The last letter of the chain, if it has the same content and waits. */
  readonly same?: LetterDocument;
  readonly position: number;
}

/** Takes the next position in a root's chain. If the last dependant has the same content, that letter is returned instead. */
export async function nextInChain(
  sending: Sending,
  root: string,
  content: string,
  bytes: number,
): Promise<Place> {
  const {
    own: { letters },
    on,
    send,
  } = sending;
  const same = await sameInChain(sending, root, content);
  if (same !== undefined) return { same, position: 0 };
  const update = {
    $inc: { last: 1, bytes },
    $set: { unique: true },
    $unset: { repeated: "" as const },
  };
  const first = await send(() =>
    letters.findOneAndUpdate({ _id: root }, update, { ...on, returnDocument: "after" }),
  );
  return { position: first?.last ?? 1 };
}

/** The dependant that was recorded last, if it waits and has the same content. */
export async function sameInChain(
  { own: { letters }, on, send }: Sending,
  root: string,
  content: string,
): Promise<LetterDocument | undefined> {
  const newest = { ...on, sort: { position: -1 } } as const;
  const last = await send(() => letters.findOne({ root }, newest));
  return last !== null && last.content === content && waiting.includes(last.status)
    ? last
    : undefined;
}

type Chains = Pick<
  LetterStore,
  "lockRoot" | "lockWaiting" | "dependants" | "creators" | "overtake" | "follow" | "attractNoMore"
>;

export function openChains({ own: { letters }, on, send }: Sending): Chains {
  /** Locks letters by writing to them: concurrent changes conflict. */
  const lock = (ids: readonly string[]): Promise<unknown> =>
    send(() => letters.updateMany({ _id: { $in: [...ids] } }, { $inc: { locks: 1 } }, on));

  const creating = async (hashes: readonly string[], except: string | undefined) => {
    const filter = { creates: { $in: [...hashes] }, ...stillWaits };
    const projection = { root: 1, creates: 1, overtaken: 1, status: 1 };
    const found = await send(() => letters.find(filter, { ...on, projection }).toArray());
    return found.filter((letter) => rootOf(letter) !== except);
  };

  return {
    lockRoot: async (id) => {
      const filter = { _id: id, root: null, ...stillWaits };
      const root = await send(() =>
        letters.findOneAndUpdate(
          filter,
          { $inc: { locks: 1 } },
          { ...on, returnDocument: "after" },
        ),
      );
      return root === null ? undefined : { length: root.last, bytes: Number(root.bytes) };
    },
    lockWaiting: async (ids) => {
      const filter = { _id: { $in: [...ids] }, ...stillWaits };
      const options = { ...on, projection: { _id: 1 }, sort: { _id: 1 } } as const;
      const found = await send(() => letters.find(filter, options).toArray());
      const waits = found.map(({ _id }) => _id);
      if (waits.length > 0) await lock(waits);
      return waits;
    },
    dependants: async (roots, isLocked = false) => {
      const filter = { root: { $in: [...roots] }, ...stillWaits };
      const options = { ...on, projection: { root: 1 }, sort: { root: 1, position: 1 } } as const;
      const found = await send(() => letters.find(filter, options).toArray());
      if (isLocked && found.length > 0) await lock(found.map(({ _id }) => _id));
      return roots.flatMap((root) =>
        found.filter((each) => each.root === root).map(({ _id }) => ({ id: _id, root })),
      );
    },
    creators: async (hashes, except) => {
      const roots = new Map<string, string>();
      const wanted = new Set(hashes);
      for (const letter of await creating(hashes, except)) {
        for (const hash of letter.creates) {
          const [known, root] = [roots.get(hash), rootOf(letter)];
          if (wanted.has(hash) && (known === undefined || root < known)) roots.set(hash, root);
        }
      }
      return roots;
    },
    overtake: async (hashes, except) => {
      const found = await creating(hashes, except);
      if (found.length === 0) return;
      const all = new Set(found.flatMap((letter) => [letter._id, rootOf(letter)]));
      const $set = { status: "stale", overtaken: true } as const;
      await send(() => letters.updateMany({ _id: { $in: [...all] }, ...stillWaits }, { $set }, on));
      const ids = found.map(({ _id }) => _id);
      await send(() =>
        letters.updateMany({ _id: { $in: ids } }, { $pull: { creates: { $in: [...hashes] } } }, on),
      );
    },
    follow: async ([first, ...others], bytes) => {
      const root =
        first === undefined ? null : await send(() => letters.findOne({ _id: first }, on));
      if (root === null) return;
      let last = 0;
      for (const id of others) {
        const letter = await send(() => letters.findOne({ _id: id }, on));
        if (letter === null) continue;
        last = letter.position - root.position;
        const $set = { root: root._id, position: last };
        await send(() => letters.updateOne({ _id: id }, { $set }, on));
      }
      const $set = { root: null, position: 0, last, bytes };
      await send(() => letters.updateOne({ _id: root._id }, { $set }, on));
    },
    attractNoMore: async (ids) => {
      const $set = { creates: [] };
      await send(() => letters.updateMany({ _id: { $in: [...ids] } }, { $set }, on));
    },
  };
}

function rootOf({ root, _id }: Pick<LetterDocument, "root" | "_id">): string {
  return root ?? _id;
}

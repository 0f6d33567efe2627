/** Chains of letters in memory: what each letter would create, and its place behind its root. */
import { type LetterStatus, type LetterStore, type NewLetter, waiting } from "../letters.js";
import type { Overlay } from "./rows.js";

/** What a letter's record holds for its chain. */
export interface ChainRecord {
  /** A dependant's place behind its root, from 1. */
  readonly position?: number;
  /** For a root: the position of its latest dependant; `bytes` is the size of all dependants. */
  readonly last: number;
  readonly bytes: number;
  readonly overtaken: boolean;
  /** The letter has dependants, or is one, so the same content is recorded as another letter. */
  readonly unique: boolean;
}

type ChainedLetter = ChainRecord &
  Pick<NewLetter, "id" | "userId" | "content" | "root" | "creates"> & {
    readonly status: LetterStatus;
  };

export function isWaiting(letter: { readonly status: LetterStatus } | undefined): boolean {
  return letter !== undefined && waiting.includes(letter.status);
}

/** Whether the user has waiting letters. */
export function hasWaiting<L extends ChainedLetter>(
  letters: Overlay<string, L>,
  userId: string,
): boolean {
  for (const [, letter] of letters.entries()) {
    if (letter.userId === userId && isWaiting(letter)) return true;
  }
  return false;
}

/** The letters of a root's chain, in order, closed ones included. */
export function chainOf<L extends ChainedLetter>(letters: Overlay<string, L>, root: string): L[] {
  return Array.from(letters.entries(), ([, letter]) => letter)
    .filter((letter) => letter.root === root)
    .toSorted((a, b) => (a.position ?? 0) - (b.position ?? 0));
}

/** The position behind a root's last dependant. If that dependant waits and has the same content, it is returned as `same`. */
export function nextInChain<L extends ChainedLetter>(
  letters: Overlay<string, L>,
  root: string,
  content: string,
  bytes: number,
): { readonly same?: L; readonly position: number } {
  const same = sameInChain(letters, root, content);
  if (same !== undefined) return { same, position: 0 };
  const first = letters.get(root);
  const position = (first?.last ?? 0) + 1;
  if (first !== undefined) {
    const grown = { last: position, bytes: first.bytes + bytes, unique: true };
    letters.set(root, { ...first, ...grown });
  }
  return { position };
}

/** The dependant that was recorded last, where it waits and has the same content. */
export function sameInChain<L extends ChainedLetter>(
  letters: Overlay<string, L>,
  root: string,
  content: string,
): L | undefined {
  const last = chainOf(letters, root).at(-1);
  return last?.content === content && isWaiting(last) ? last : undefined;
}

type Chains = Pick<
  LetterStore,
  "lockRoot" | "dependants" | "creators" | "overtake" | "follow" | "attractNoMore"
>;

/** @param statement runs each call, or refuses it */
export function openChains<L extends ChainedLetter>(
  letters: Overlay<string, L>,
  statement: <T>(run: () => T) => T,
): Chains {
  const creating = (hashes: readonly string[], except: string | undefined): readonly L[] => {
    const wanted = new Set(hashes);
    return Array.from(letters.entries(), ([, letter]) => letter).filter(
      (letter) =>
        isWaiting(letter) &&
        rootOf(letter) !== except &&
        letter.creates.some((hash) => wanted.has(hash)),
    );
  };
  return {
    lockRoot: async (id) =>
      statement(() => {
        const letter = letters.get(id);
        return letter !== undefined && letter.root === undefined && isWaiting(letter)
          ? { length: letter.last, bytes: letter.bytes }
          : undefined;
      }),
    dependants: async (roots) =>
      statement(() =>
        roots.flatMap((root) =>
          chainOf(letters, root)
            .filter(isWaiting)
            .map(({ id }) => ({ id, root })),
        ),
      ),
    creators: async (hashes, except) =>
      statement(() => {
        const roots = new Map<string, string>();
        for (const letter of creating(hashes, except)) {
          for (const hash of letter.creates) {
            const [known, root] = [roots.get(hash), rootOf(letter)];
            if (hashes.includes(hash) && (known === undefined || root < known)) {
              roots.set(hash, root);
            }
          }
        }
        return roots;
      }),
    overtake: async (hashes, except) =>
      statement(() => {
        for (const { id, root, creates } of creating(hashes, except)) {
          for (const each of new Set([id, root ?? id])) {
            const letter = letters.get(each);
            if (letter === undefined || !isWaiting(letter)) continue;
            letters.set(each, { ...letter, status: "stale", overtaken: true });
          }
          const letter = letters.get(id);
          const left = creates.filter((hash) => !hashes.includes(hash));
          if (letter !== undefined) letters.set(id, { ...letter, creates: left });
        }
      }),
    follow: async ([first, ...others], bytes) =>
      statement(() => {
        const root = first === undefined ? undefined : letters.get(first);
        if (root === undefined) return;
        const { root: _, position = 0, ...kept } = root;
        let last = 0;
        for (const id of others) {
          const letter = letters.get(id);
          if (letter === undefined) continue;
          last = (letter.position ?? 0) - position;
          letters.set(id, { ...letter, root: root.id, position: last });
        }
        letters.set(root.id, { ...(kept as unknown as L), last, bytes });
      }),
    attractNoMore: async (ids) =>
      statement(() => {
        for (const id of ids) {
          const letter = letters.get(id);
          if (letter !== undefined) letters.set(id, { ...letter, creates: [] });
        }
      }),
  };
}

function rootOf({ root, id }: ChainedLetter): string {
  return root ?? id;
}

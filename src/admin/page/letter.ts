/** Shows one letter: its failure, its operations beside the current rows, an editor, and buttons to retry or discard it. */
import {
  type Answer,
  ask,
  type Compared,
  type Letter,
  messageOf,
  read,
  type Summary,
} from "./api.js";
import { comparedTable } from "./compared.js";
import { disable, drafts, editor, payloads } from "./editor.js";
import { button, element, time } from "./dom.js";

interface Actions {
  readonly back: () => void;
  /** Whether the letter is still the open one. */
  readonly isOpen: () => boolean;
  readonly told: (text: string, bad?: boolean) => void;
  /** Called when the letter has changed, so that the page reads it again. */
  readonly changed: () => void;
  readonly discard: (letter: Summary) => void;
}

/** Shows the letter in this element. */
export async function showLetter(place: HTMLElement, id: string, actions: Actions): Promise<void> {
  const path = `/${encodeURIComponent(id)}`;
  const [letter, comparison, dependants] = await Promise.all([
    read<Letter>(path),
    read<{ operations: Compared[]; more: number }>(`${path}/compare`),
    read<{ letters: Summary[]; next?: string }>(
      `?root=${encodeURIComponent(id)}&order=oldest&limit=50&status=open,stale`,
    ),
  ]);
  if (!actions.isOpen()) return;
  const waits = letter.status === "open" || letter.status === "stale";
  if (!waits) drafts.delete(id);
  const { operations, more } = comparison;
  const hadFocus = place.contains(document.activeElement);
  const row = actionRow(letter, actions);
  place.replaceChildren(
    button("← Back to the list", actions.back, "back"),
    element("h2", { attributes: { dir: "auto" } }, `${letter.error_code}: ${letter.message}`),
    facts(letter),
    ...(waits ? [row] : []),
    ...operations.flatMap((operation) => comparedTable(operation, letter)),
    ...(more > 0 ? [element("p", {}, `The payload contains ${more} more operations.`)] : []),
    ...chain(letter, dependants.letters, dependants.next !== undefined),
    ...(waits ? editor(letter, operations, row, actions) : payloads(letter)),
  );
  if (hadFocus) place.focus();
}

function facts(letter: Letter): HTMLElement {
  const rows: readonly (readonly [string, Node | string | undefined])[] = [
    ["Status", element("span", { class: `badge ${letter.status}` }, letter.status)],
    ["Reason", letter.reason],
    ["User", letter.user_id],
    ["Device", letter.client_id],
    ["First seen", time(letter.first_seen_at)],
    ["Last seen", time(letter.last_seen_at)],
    ["Closed", letter.closed_at === undefined ? undefined : time(letter.closed_at)],
    ["Failed", `${letter.attempts}×${letter.edited ? ", edited since it was recorded" : ""}`],
    ["Letter", letter.id],
  ];
  return element(
    "dl",
    {},
    ...rows.flatMap(([name, value]) =>
      value === undefined
        ? []
        : [element("dt", {}, name), element("dd", {}, element("bdi", {}, value))],
    ),
  );
}

function actionRow(letter: Letter, actions: Actions): HTMLElement {
  const chained = letter.root !== undefined || letter.dependants > 0;
  const row = element("div", {
    class: "buttons",
    attributes: { role: "group", "aria-label": "This letter" },
  });
  const retry = async (force: boolean): Promise<void> => {
    disable(row, true);
    actions.told("Retrying …");
    try {
      const answer = await ask(
        "POST",
        `/${letter.id}/retry`,
        JSON.stringify(force ? { force } : {}),
        letter.version,
      );
      actions.told(retryWord(answer), answer.status !== 200);
      actions.changed();
    } catch (error) {
      actions.told(error instanceof Error ? error.message : String(error), true);
      disable(row, false);
    }
  };
  row.append(
    button(chained ? "Retry the chain" : "Retry", () => void retry(false), "main"),
    ...(letter.status === "stale"
      ? [button("Retry although rows have changed", () => void retry(true))]
      : []),
    button("Discard…", () => actions.discard(letter), "danger"),
  );
  return row;
}

export function retryWord(answer: Answer): string {
  const { status, body } = answer;
  if (status !== 200) return `Not applied. ${messageOf(answer)}`;
  const { retried = [], stopped_by: stopped } = (body["dependants"] ?? {}) as {
    readonly retried?: readonly string[];
    readonly stopped_by?: { readonly id: string; readonly message: string };
  };
  const also =
    retried.length === 0
      ? ""
      : ` Other letters of its chain that have been applied: ${retried.length}.`;
  return stopped === undefined
    ? `The letter has been applied.${also}`
    : `The letter has been applied.${also} The chain stopped at the next letter: ${stopped.message}`;
}

function chain(
  letter: Letter,
  dependants: readonly Summary[],
  more: boolean,
): readonly HTMLElement[] {
  const { root } = letter;
  if (root === undefined && dependants.length === 0) return [];
  const link = (id: string, text: string) =>
    element("a", { attributes: { href: `#letter=${encodeURIComponent(id)}` } }, text);
  return [
    element("h3", {}, "Chain"),
    ...(root === undefined
      ? []
      : [
          element(
            "p",
            {},
            "This letter depends on ",
            link(root, "another letter"),
            ", which is applied first.",
          ),
        ]),
    ...(dependants.length === 0
      ? []
      : [
          element(
            "p",
            {},
            "These letters depend on this one. They are retried with it, in this order:",
          ),
          element(
            "ol",
            {},
            ...dependants.map(({ id, tables, message }) =>
              element("li", {}, link(id, `${tables.join(", ")}: ${message}`)),
            ),
            more ? element("li", {}, "and more") : undefined,
          ),
        ]),
  ];
}

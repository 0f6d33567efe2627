/** The editor of a letter's payload, and the edits that have not been stored yet. */
import { ask, type Compared, type Letter, messageOf } from "./api.js";
import { button, element, json } from "./dom.js";
import { parseJson } from "../../wire/parse-json.js";

interface Draft {
  readonly text: string;
  /** Of the letter that it was typed for. */
  readonly version: string;
}

/** Edits that have not been stored, by the letter's id. */
export const drafts = new Map<string, Draft>();
interface EditActions {
  readonly told: (text: string, bad?: boolean) => void;
  /** Called when the letter has changed, so that the page reads it again. */
  readonly changed: () => void;
}

/** The payload as JSON, to edit and store. @param row the buttons to retry and discard the letter */
export function editor(
  letter: Letter,
  operations: readonly Compared[],
  row: HTMLElement,
  { told, changed }: EditActions,
): readonly HTMLElement[] {
  const text = element("textarea", {
    class: "json",
    attributes: {
      id: "payload",
      dir: "ltr",
      spellcheck: "false",
      "aria-describedby": "payload-state payload-help",
    },
  });
  const { id } = letter;
  const recorded = json(letter.payload);
  const state = element("p", { class: "facts", attributes: { id: "payload-state" } });
  // A draft keeps the version that it was begun with, although the letter may have been read again since.
  let begun = drafts.get(id)?.version ?? letter.version;
  const typed = (draft: string): void => {
    if (draft === recorded) {
      drafts.delete(id);
      begun = letter.version;
    } else drafts.set(id, { text: draft, version: begun });
    state.textContent = drafts.has(id) ? "Not stored yet." : "";
  };
  text.value = drafts.get(id)?.text ?? recorded;
  typed(text.value);
  text.addEventListener("input", () => typed(text.value));
  let changedMeanwhile = false;
  const save = async (): Promise<void> => {
    try {
      parseJson(text.value);
    } catch (error) {
      told(
        `Not stored: the payload is not valid JSON. ${error instanceof Error ? error.message : ""}`,
        true,
      );
      text.focus();
      return;
    }
    try {
      // As it was typed, so that no digit of a number is lost.
      const answer = await ask("PUT", `/${id}`, `{"payload":${text.value}}`, begun);
      if (answer.status === 200) {
        drafts.delete(id);
        told("Stored. Retry the letter to apply it.");
        // Until the letter has been read again, because these go by the version before the edit.
        disable(row, true);
        changed();
      } else if (answer.status === 412) {
        told(
          "Not stored: another operator has changed the letter in the meantime. Copy your edits, press Undo, and review the letter as it is now.",
          true,
        );
        changedMeanwhile = true;
      } else told(`Not stored. ${messageOf(answer)}`, true);
    } catch (error) {
      told(error instanceof Error ? error.message : String(error), true);
    }
  };
  return [
    element("h3", {}, "Edit the payload"),
    element("label", { attributes: { for: "payload" } }, "Payload, as JSON"),
    text,
    element(
      "div",
      { class: "buttons" },
      button("Store", () => void save(), "main"),
      button("Undo", () => {
        text.value = recorded;
        typed(recorded);
        if (changedMeanwhile) changed();
      }),
    ),
    state,
    element("div", { attributes: { id: "payload-help" } }, ...columnHelp(operations)),
    ...(letter.original_payload === undefined
      ? []
      : [foldedJson("As it was recorded", letter.original_payload)]),
  ];
}

function columnHelp(operations: readonly Compared[]): readonly HTMLElement[] {
  const tables = new Map(operations.map(({ table = "?", columns }) => [table, columns]));
  return [...tables].map(([table, columns]) =>
    columns === undefined
      ? element(
          "p",
          { class: "facts" },
          `${table}: there is no rule for this table, or the table does not exist.`,
        )
      : element(
          "details",
          {},
          element("summary", {}, `Columns of ${table}`),
          element(
            "ul",
            {},
            ...columns.map(({ name, type = "missing in the database", nullable, members }) =>
              element(
                "li",
                {},
                `${name}: ${type}${nullable === false ? ", never NULL" : ""}${members === undefined ? "" : `, one of ${members.join(", ")}`}`,
              ),
            ),
          ),
        ),
  );
}

/** The payloads of a letter that can't be edited any more. */
export function payloads(letter: Letter): readonly HTMLElement[] {
  return [
    foldedJson("Payload", letter.payload),
    ...(letter.original_payload === undefined
      ? []
      : [foldedJson("As it was recorded", letter.original_payload)]),
  ];
}

function foldedJson(title: string, value: unknown): HTMLElement {
  const region = { tabindex: "0", role: "region", "aria-label": title };
  return element(
    "details",
    {},
    element("summary", {}, title),
    element("div", { class: "scroll" }, element("pre", { attributes: region }, json(value))),
  );
}

/** The buttons of a row. */
export function disable(row: HTMLElement, disabled: boolean): void {
  for (const each of row.querySelectorAll("button")) each.disabled = disabled;
}

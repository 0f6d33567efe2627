/** Shows one operation of a letter: the values that the device had, the current row, and the values that the letter would write, side by side. */
import type { Compared, Letter } from "./api.js";
import { element, json } from "./dom.js";

export function comparedTable(compared: Compared, letter: Letter): readonly HTMLElement[] {
  const { operation_index: index, op = "?", table = "?", id = "?", base, yours, theirs } = compared;
  const failed = index === letter.operation_index;
  const names = new Set([
    ...Object.keys(yours ?? {}),
    ...Object.keys(base ?? {}),
    ...(op === "DELETE" ? Object.keys(theirs ?? {}) : []),
  ]);
  const title = element(
    "h3",
    failed ? { class: "failed" } : {},
    `${op} ${table} ${id}${failed ? " (failed)" : ""}`,
  );
  const note =
    theirs === undefined
      ? "The current row can't be read."
      : theirs === null
        ? "The row does not exist now."
        : undefined;
  const shown: [string, Readonly<Record<string, unknown>> | null | undefined][] = [
    ...(base === undefined ? [] : [["Base", base] as [string, typeof base]]),
    ...(theirs === undefined || theirs === null
      ? []
      : [["Theirs, now", theirs] as [string, typeof theirs]]),
    ...(yours === undefined ? [] : [["Yours", yours] as [string, typeof yours]]),
  ];
  const rows = [...names].map((name) =>
    element(
      "tr",
      {},
      element("th", { attributes: { scope: "row", dir: "auto" } }, name),
      ...shown.map(([which, values]) =>
        cell(values, name, which === "Base" ? undefined : (base ?? theirs)),
      ),
    ),
  );
  const head = element(
    "tr",
    {},
    element("th", { attributes: { scope: "col" } }, "Column"),
    ...shown.map(([which]) => element("th", { attributes: { scope: "col" } }, which)),
  );
  const body = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  const scroll = { tabindex: "0", role: "region", "aria-label": `Values of ${table} ${id}` };
  return [
    title,
    ...(note === undefined ? [] : [element("p", { class: "facts" }, note)]),
    ...(rows.length === 0 ? [] : [element("div", { class: "scroll", attributes: scroll }, body)]),
  ];
}

/** The length, in characters, above which a value may not fit its cell. */
const longText = 60;

/** @param before the values to compare with: a value that differs is marked */
function cell(
  values: Readonly<Record<string, unknown>> | null | undefined,
  name: string,
  before: Readonly<Record<string, unknown>> | null | undefined,
): HTMLElement {
  if (values === null || values === undefined || !Object.hasOwn(values, name)) {
    return element("td", { class: "none" }, "not set");
  }
  const text = json(values[name]);
  const differs =
    before !== null &&
    before !== undefined &&
    before !== values &&
    Object.hasOwn(before, name) &&
    json(before[name]) !== text;
  // A long value can be scrolled, so the keyboard must be able to reach it.
  const scrolled =
    text.length > longText ? { tabindex: "0", role: "group", "aria-label": name } : {};
  const value = element("div", { class: "value", attributes: { dir: "auto", ...scrolled } }, text);
  return element("td", differs ? { class: "changed" } : {}, value);
}

/** The list of letters: filters them, counts them by cause, and keeps the selection. */
import { read, type Summary } from "./api.js";
import { byId, element, time } from "./dom.js";

export interface List {
  /** Reads the first page of the letters that match the filters. */
  load(): Promise<void>;
  /** Returns the selected letters, in the order of the list. */
  selected(): readonly Summary[];
  /** Marks the letter that is open. */
  mark(id: string | undefined): void;
}

interface Page {
  readonly letters: readonly Summary[];
  readonly next?: string;
}

/**
 * @param told called with the number of selected letters when the selection has changed
 * @param attempt runs work that may fail, and shows its error
 */
export function createList(
  told: (selected: number) => void,
  attempt: (work: () => Promise<void>) => void,
): List {
  const form = byId("filters", HTMLFormElement);
  const items = byId("letters", HTMLOListElement);
  const more = byId("more", HTMLButtonElement);
  const all = byId("all", HTMLInputElement);
  const causes = byId("causes", HTMLDetailsElement);
  let shown: Summary[] = [];
  let cursor: string | undefined;
  let current: string | undefined;
  const chosen = new Set<string>();

  const query = (): URLSearchParams => {
    const parameters = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string" && value !== "") parameters.set(name, value);
    }
    return parameters;
  };

  const selectionChanged = (): void => {
    const open = shown.filter(isWaiting);
    all.checked = open.length > 0 && open.every(({ id }) => chosen.has(id));
    all.disabled = open.length === 0;
    told(open.filter(({ id }) => chosen.has(id)).length);
  };

  const item = (letter: Summary): HTMLElement => {
    const { id, error_code: code, message, tables, user_id: user } = letter;
    const box = element("input", {
      attributes: { type: "checkbox", "aria-label": `Select ${code} of ${user}` },
    });
    box.checked = chosen.has(id);
    box.disabled = !isWaiting(letter);
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(id);
      else chosen.delete(id);
      selectionChanged();
    });
    const place =
      letter.root !== undefined
        ? ", depends on another letter"
        : letter.dependants > 0
          ? `, ${letter.dependants} ${letter.dependants === 1 ? "depends" : "depend"} on it`
          : "";
    const link = element(
      "a",
      { attributes: { href: `#letter=${encodeURIComponent(id)}` } },
      element(
        "span",
        { class: "code" },
        `${code} `,
        element("span", { class: `badge ${letter.status}` }, letter.status),
      ),
      element("span", { class: "message", attributes: { dir: "auto" } }, message),
      element(
        "span",
        { class: "facts" },
        element("bdi", {}, tables.join(", ")),
        " · ",
        element("bdi", {}, user),
        " · ",
        time(letter.first_seen_at),
        `${letter.attempts > 1 ? ` · failed ${letter.attempts}×` : ""}${place}`,
      ),
    );
    const line = element("li", { attributes: { "data-id": id } }, box, link);
    return line;
  };

  let loads = 0;

  /** Reads the next page. `null` if the list has been read again in the meantime. */
  const next = async (): Promise<Page | null> => {
    const number = loads;
    const parameters = query();
    parameters.set("limit", "50");
    if (cursor !== undefined) parameters.set("cursor", cursor);
    const page = await read<Page>(`?${parameters.toString()}`);
    return number === loads ? page : null;
  };

  const append = (page: Page): void => {
    shown.push(...page.letters);
    cursor = page.next;
    items.append(...page.letters.map(item));
    more.hidden = page.next === undefined;
    selectionChanged();
    mark(current);
  };

  const mark = (id: string | undefined): void => {
    current = id;
    for (const line of items.children) {
      const is = line instanceof HTMLElement && line.dataset["id"] === id;
      line.classList.toggle("current", is);
      const link = line.querySelector("a");
      if (is) link?.setAttribute("aria-current", "true");
      else link?.removeAttribute("aria-current");
    }
  };

  const load = async (): Promise<void> => {
    loads += 1;
    cursor = undefined;
    const page = await next();
    if (page === null) return;
    const hadFocus = items.contains(document.activeElement);
    shown = [];
    items.replaceChildren();
    append(page);
    // Without this, the focus would return to the top of the page.
    if (hadFocus) items.querySelector<HTMLElement>("a")?.focus();
    const waiting = shown.filter(isWaiting);
    for (const id of chosen) if (!waiting.some((each) => each.id === id)) chosen.delete(id);
    selectionChanged();
    if (shown.length === 0) {
      items.append(element("li", {}, "There are no such letters."));
    }
    if (causes.open) await loadCauses(causes, query(), filterBy);
  };

  const filterBy = (code: string, table: string | undefined): void => {
    const field = (name: string) => form.elements.namedItem(name);
    for (const [name, value] of [
      ["error_code", code],
      ["table", table ?? ""],
    ] as const) {
      const input = field(name);
      if (input instanceof HTMLInputElement) input.value = value;
    }
    form.requestSubmit();
  };

  const showMore = async (): Promise<void> => {
    more.disabled = true;
    try {
      const page = await next();
      if (page === null) return;
      const before = items.children.length;
      append(page);
      items.children[before]?.querySelector("a")?.focus();
    } finally {
      more.disabled = false;
    }
  };
  more.addEventListener("click", () => attempt(showMore));
  all.addEventListener("change", () => {
    for (const letter of shown.filter(isWaiting)) {
      if (all.checked) chosen.add(letter.id);
      else chosen.delete(letter.id);
    }
    for (const box of items.querySelectorAll("input")) {
      if (!box.disabled) box.checked = all.checked;
    }
    selectionChanged();
  });
  causes.addEventListener("toggle", () => {
    if (causes.open) attempt(() => loadCauses(causes, query(), filterBy));
  });

  return {
    load,
    mark,
    selected: () => shown.filter((each) => chosen.has(each.id) && isWaiting(each)),
  };
}

function isWaiting({ status }: Summary): boolean {
  return status === "open" || status === "stale";
}

const mostPages = 10;

/** Counts the letters that match the filters, at most 5,000, by error code and first table. */
async function loadCauses(
  place: HTMLElement,
  parameters: URLSearchParams,
  filterBy: (code: string, table: string | undefined) => void,
): Promise<void> {
  const counts = new Map<string, { code: string; table: string | undefined; letters: number }>();
  parameters.set("limit", "500");
  let next: string | undefined;
  for (let number = 0; number < mostPages; number += 1) {
    if (next !== undefined) parameters.set("cursor", next);
    const page = await read<Page>(`?${parameters.toString()}`);
    for (const {
      error_code: code,
      tables: [table],
    } of page.letters) {
      const key = JSON.stringify([code, table]);
      const known = counts.get(key) ?? { code, table, letters: 0 };
      known.letters += 1;
      counts.set(key, known);
    }
    ({ next } = page);
    if (next === undefined) break;
  }
  const sorted = [...counts.values()].sort((one, other) => other.letters - one.letters);
  const list = place.querySelector("ul");
  list?.replaceChildren(
    ...sorted.map(({ code, table, letters }) => {
      const text = `${letters}${next === undefined ? "" : "+"} × ${code}${table === undefined ? "" : ` in ${table}`}`;
      const choose = element(
        "button",
        { attributes: { type: "button" }, click: () => filterBy(code, table) },
        text,
      );
      return element("li", {}, choose);
    }),
    ...(sorted.length === 0 ? [element("li", {}, "There are no such letters.")] : []),
  );
}

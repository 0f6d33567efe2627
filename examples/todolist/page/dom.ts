/** As much as the page needs to make elements, and to keep lists of them in step with rows. */

type Child = Node | string;

/** An element with properties, `aria…` ones among them. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** An element of index.html. */
export function find<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`The page has no such element: ${id}`);
  return element;
}

/** A text that is edited where it stands: Enter or leaving it saves, Escape takes it back. */
export function editable(label: string, save: (text: string) => void) {
  let saved = "";
  const input = make("input", {
    type: "text",
    className: "inline",
    maxLength: 200,
    ariaLabel: label,
  });
  input.addEventListener("change", () => {
    const text = input.value.trim();
    if (text !== saved) save(text);
  });
  input.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") input.value = saved;
    if (key === "Enter" || key === "Escape") input.blur();
  });
  return {
    input,
    show(text: string, placeholder: string) {
      saved = text;
      input.placeholder = placeholder;
      // Not under somebody's fingers.
      if (document.activeElement !== input) input.value = text;
    },
  };
}

export interface Item<T> {
  readonly element: HTMLElement;
  update(row: T): void;
}

/**
 * Keeps elements for rows, in their order: what is there stays there, and with it the focus.
 *
 * @param fallback gets the focus where it was in an element that went
 */
export function createItems<T extends { readonly id: string }>(
  parent: HTMLElement,
  fallback: HTMLElement,
  create: (row: T) => Item<T>,
): (rows: readonly T[]) => void {
  const items = new Map<string, Item<T>>();
  return (rows) => {
    const ids = new Set(rows.map(({ id }) => id));
    for (const [id, { element }] of items) {
      if (ids.has(id)) continue;
      const focused = element.contains(document.activeElement);
      items.delete(id);
      element.remove();
      if (focused) fallback.focus();
    }
    for (const [index, row] of rows.entries()) {
      const item = items.get(row.id) ?? create(row);
      items.set(row.id, item);
      item.update(row);
      const there = parent.children[index] ?? null;
      if (there !== item.element) parent.insertBefore(item.element, there);
    }
  };
}

/** Helpers to create elements, and to keep lists of elements in step with rows. */

type Child = Node | string;

/** Creates an element with these properties, which may include `aria…` properties. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Returns an element of index.html. Throws if there is none with this id and of this type. */
export function find<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type))
    throw new Error(`The page has no element "${id}" of the expected type.`);
  return element;
}

/** Creates a text that is edited in place. Enter or leaving it saves the text, and Escape restores it. */
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
      // Not while the user is typing.
      if (document.activeElement !== input) input.value = text;
    },
  };
}

export interface Item<T> {
  readonly element: HTMLElement;
  update(row: T): void;
}

/**
 * Keeps an element for each row, in the order of the rows. Existing elements are kept, so that the focus stays.
 *
 * @param fallback gets the focus if it was in an element that is removed
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

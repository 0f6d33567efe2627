/** Creates elements. Text from letters is inserted as text, never as markup. */

type Child = Node | string | undefined | false;

interface Properties {
  readonly class?: string;
  /** Attributes by their names in markup. `true` sets an attribute without a value. */
  readonly attributes?: Readonly<Record<string, string | true | undefined>>;
  readonly click?: () => void;
}

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  { class: className, attributes = {}, click }: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (className !== undefined) made.className = className;
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(attribute, value === true ? "" : value);
  }
  if (click !== undefined) made.addEventListener("click", click);
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

/** Returns an element of `page.html`. Throws if there is none with this id and of this kind. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind))
    throw new Error(`The page has no element "${id}" of the expected kind.`);
  return found;
}

export function button(text: string, click: () => void, className?: string): HTMLButtonElement {
  const properties = { attributes: { type: "button" }, click };
  return element(
    "button",
    className === undefined ? properties : { ...properties, class: className },
    text,
  );
}

export function time(iso: string): HTMLTimeElement {
  // Cut to milliseconds, because some browsers can't parse microseconds.
  const at = new Date(`${iso.slice(0, 23).replace(/Z?$/, "")}Z`);
  const shown = Number.isNaN(at.getTime()) ? iso : at.toLocaleString();
  return element("time", { attributes: { datetime: iso } }, shown);
}

/** Formats a value as JSON with line breaks. 64-bit integers keep all their digits. */
export function json(value: unknown, indent = ""): string {
  const inner = `${indent}  `;
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((each) => inner + json(each, inner)).join(",\n")}\n${indent}]`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  if (members.length === 0) return "{}";
  const lines = members.map(
    ([name, member]) => `${inner}${JSON.stringify(name)}: ${json(member, inner)}`,
  );
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

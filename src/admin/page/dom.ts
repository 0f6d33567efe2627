/** Elements of the page. Whatever comes from letters is put in as text, and never as markup. */

type Child = Node | string | undefined | false;

interface Properties {
  readonly class?: string;
  /** Attributes as they are written in markup; `true` is one without a value. */
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

/** An element that the page's markup has. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`The page has no ${id}.`);
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
  // The server's microseconds are more than a reader, and some browsers, have use for.
  const at = new Date(`${iso.slice(0, 23).replace(/Z?$/, "")}Z`);
  const shown = Number.isNaN(at.getTime()) ? iso : at.toLocaleString();
  return element("time", { attributes: { datetime: iso } }, shown);
}

/** JSON for readers, in which integers of 64 bits keep their digits. */
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

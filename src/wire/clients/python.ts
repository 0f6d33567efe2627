/** Models in Python: dataclasses, which take and give plain JSON. */
import { type ClientContract, comment, type Member, type Model } from "./contract.js";

export function pythonModels({ sent, received }: ClientContract): string {
  return [
    ...sent.map((model) => classOf(model, toJson(model))),
    ...received.map((model) => classOf(model, fromJson(model))),
  ].join("\n\n");
}

function classOf({ name, about, members }: Model, method: string): string {
  // Dataclasses have what needs no value last.
  const ordered = members.toSorted((a, b) => Number(a.optional) - Number(b.optional));
  const fields = ordered.map(
    (member) =>
      `${comment(member.about, "    #")}    ${member.name}: ${member.optional ? `Optional[${typeOf(member)}] = None` : typeOf(member)}\n`,
  );
  return `${comment(about, "#")}@dataclass\nclass ${name}:\n${fields.join("")}\n${method}`;
}

function typeOf({ type }: Member): string {
  if ("model" in type) return type.list ? `List["${type.model}"]` : `"${type.model}"`;
  return {
    text: "str",
    integer: "int",
    boolean: "bool",
    json: "Any",
    values: "Dict[str, Any]",
    texts: "List[str]",
  }[type.kind];
}

function toJson({ members }: Model): string {
  const pairs = members.map(({ name, type }) => {
    const value = `self.${name}`;
    const each = "model" in type && type.list ? `[each.to_json() for each in ${value}]` : value;
    return `            "${name}": ${each},\n`;
  });
  return `    def to_json(self) -> Dict[str, Any]:\n        return _present({\n${pairs.join("")}        })\n`;
}

function fromJson({ name, members }: Model): string {
  const values = members.map((member) => {
    const read = `value${member.optional ? `.get("${member.name}")` : `["${member.name}"]`}`;
    return `            ${member.name}=${madeOf(member, read)},\n`;
  });
  return `    @classmethod\n    def from_json(cls, value: Any) -> "${name}":\n        return cls(\n${values.join("")}        )\n`;
}

function madeOf({ type, optional }: Member, read: string): string {
  if (!("model" in type)) return read;
  if (type.list) return `[${type.model}.from_json(each) for each in ${read}]`;
  const made = `${type.model}.from_json(${read})`;
  return optional ? `None if ${read} is None else ${made}` : made;
}

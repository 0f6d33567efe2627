/** Models in Go: structs with tags. What may be missing is a pointer, so that `{}`, 0 and "" are sent. */
import { type ClientContract, comment, type Member, type Model, pascal } from "./contract.js";

export function goModels({ sent, received }: ClientContract): string {
  return [...sent, ...received].map(struct).join("\n");
}

function struct({ name, about, members }: Model): string {
  const fields = members.map(
    (member) =>
      `${comment(member.about, "\t//")}\t${pascal(member.name)} ${typeOf(member)} \`json:"${member.name}${member.optional ? ",omitempty" : ""}"\`\n`,
  );
  return `${comment(about, "//")}type ${name} struct {\n${fields.join("")}}\n`;
}

function typeOf({ type, optional }: Member): string {
  if ("model" in type) return type.list ? `[]${type.model}` : `${optional ? "*" : ""}${type.model}`;
  const name = {
    text: "string",
    integer: "int64",
    boolean: "bool",
    json: "any",
    values: "Values",
    texts: "[]string",
  }[type.kind];
  return optional && type.kind !== "json" ? `*${name}` : name;
}

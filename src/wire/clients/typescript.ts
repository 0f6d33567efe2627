/** Models in TypeScript: interfaces of the JSON itself. */
import { type ClientContract, comment, type Member, type Model } from "./contract.js";

export function typescriptModels({ sent, received }: ClientContract): string {
  return [...sent, ...received].map(interfaceOf).join("\n");
}

function interfaceOf({ name, about, members }: Model): string {
  const fields = members.map(
    (member) =>
      `${comment(member.about, "  //")}  readonly ${member.name}${member.optional ? "?" : ""}: ${typeOf(member)};\n`,
  );
  return `${comment(about, "//")}export interface ${name} {\n${fields.join("")}}\n`;
}

function typeOf({ type }: Member): string {
  if ("model" in type) return type.list ? `readonly ${type.model}[]` : type.model;
  return {
    text: "string",
    integer: "number",
    boolean: "boolean",
    json: "unknown",
    values: "Readonly<Record<string, unknown>>",
    texts: "readonly string[]",
  }[type.kind];
}

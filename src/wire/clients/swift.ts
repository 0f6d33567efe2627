/** Models in Swift: Codable structs. */
import { camel, type ClientContract, comment, type Member, type Model } from "./contract.js";

export function swiftModels({ sent, received }: ClientContract): string {
  return [
    ...sent.map((model) => struct(model, true)),
    ...received.map((model) => struct(model, false)),
  ].join("\n");
}

function struct({ name, about, members }: Model, made: boolean): string {
  const fields = members.map(
    (member) =>
      `${comment(member.about, "    ///")}    public var ${camel(member.name)}: ${typeOf(member)}\n`,
  );
  const keys = members.map(({ name: key }) => `        case ${camel(key)} = "${key}"\n`);
  return [
    `${comment(about, "///")}public struct ${name}: ${made ? "Encodable" : "Decodable"} {\n`,
    ...fields,
    `\n    enum CodingKeys: String, CodingKey {\n${keys.join("")}    }\n`,
    made ? `\n${initializer(members)}` : "",
    "}\n",
  ].join("");
}

function initializer(members: readonly Member[]): string {
  const parameters = members.map(
    (member) =>
      `        ${camel(member.name)}: ${typeOf(member)}${member.optional ? " = nil" : ""}`,
  );
  const assignments = members.map(({ name }) => `        self.${camel(name)} = ${camel(name)}\n`);
  return `    public init(\n${parameters.join(",\n")}\n    ) {\n${assignments.join("")}    }\n`;
}

function typeOf({ type, optional }: Member): string {
  const end = optional ? "?" : "";
  if ("model" in type) return type.list ? `[${type.model}]` : `${type.model}${end}`;
  return `${
    {
      text: "String",
      integer: "Int64",
      boolean: "Bool",
      json: "JSONValue",
      values: "[String: JSONValue]",
      texts: "[String]",
    }[type.kind]
  }${end}`;
}

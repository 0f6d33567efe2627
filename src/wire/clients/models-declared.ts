/** Models for languages whose JSON library reads the declaration alone: C#, Go, Swift and TypeScript. */
import {
  type ClientContract,
  comment,
  type Member,
  type Model,
  pascal,
  camel,
} from "./contract.js";

/** Models in C#: classes that Newtonsoft.Json writes and reads. */
export function csharpModels({ sent, received }: ClientContract): string {
  return [...sent, ...received].map(csharpClass).join("\n");
}

function csharpClass({ name, about, members }: Model): string {
  const properties = members.map((member) => {
    const rule = member.optional
      ? "NullValueHandling = NullValueHandling.Ignore"
      : "Required = Required.Always";
    return `${comment(member.about, "        //")}        [JsonProperty("${member.name}", ${rule})]\n        public ${csharpType(member)} ${csharpPropertyName(member, name)} { get; set; }\n`;
  });
  return `${comment(about, "    //")}    public sealed class ${name}\n    {\n${properties.join("\n")}    }\n`;
}

/** A property can't have its class's name. */
function csharpPropertyName({ name }: Member, model: string): string {
  return pascal(name) === model ? "Text" : pascal(name);
}

function csharpType({ type, optional }: Member): string {
  if ("model" in type) return type.list ? `List<${type.model}>` : type.model;
  const end = optional ? "?" : "";
  return {
    text: "string",
    integer: `long${end}`,
    boolean: `bool${end}`,
    json: "object",
    values: "Dictionary<string, object>",
    texts: "List<string>",
  }[type.kind];
}

/** Models in Go: structs with tags. What may be missing is a pointer, so that `{}`, 0 and "" are sent. */
export function goModels({ sent, received }: ClientContract): string {
  return [...sent, ...received].map(goStruct).join("\n");
}

function goStruct({ name, about, members }: Model): string {
  const fields = members.map(
    (member) =>
      `${comment(member.about, "\t//")}\t${pascal(member.name)} ${goType(member)} \`json:"${member.name}${member.optional ? ",omitempty" : ""}"\`\n`,
  );
  return `${comment(about, "//")}type ${name} struct {\n${fields.join("")}}\n`;
}

function goType({ type, optional }: Member): string {
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

/** Models in Swift: Codable structs. */
export function swiftModels({ sent, received }: ClientContract): string {
  return [
    ...sent.map((model) => swiftStruct(model, true)),
    ...received.map((model) => swiftStruct(model, false)),
  ].join("\n");
}

function swiftStruct({ name, about, members }: Model, made: boolean): string {
  const fields = members.map(
    (member) =>
      `${comment(member.about, "    ///")}    public var ${camel(member.name)}: ${swiftType(member)}\n`,
  );
  const keys = members.map(({ name: key }) => `        case ${camel(key)} = "${key}"\n`);
  return [
    `${comment(about, "///")}public struct ${name}: ${made ? "Encodable" : "Decodable"} {\n`,
    ...fields,
    `\n    enum CodingKeys: String, CodingKey {\n${keys.join("")}    }\n`,
    made ? `\n${swiftInitializer(members)}` : "",
    "}\n",
  ].join("");
}

function swiftInitializer(members: readonly Member[]): string {
  const parameters = members.map(
    (member) =>
      `        ${camel(member.name)}: ${swiftType(member)}${member.optional ? " = nil" : ""}`,
  );
  const assignments = members.map(({ name }) => `        self.${camel(name)} = ${camel(name)}\n`);
  return `    public init(\n${parameters.join(",\n")}\n    ) {\n${assignments.join("")}    }\n`;
}

function swiftType({ type, optional }: Member): string {
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

/** Models in TypeScript: interfaces of the JSON itself. */
export function typescriptModels({ sent, received }: ClientContract): string {
  return [...sent, ...received].map(typescriptInterface).join("\n");
}

function typescriptInterface({ name, about, members }: Model): string {
  const fields = members.map(
    (member) =>
      `${comment(member.about, "  //")}  readonly ${member.name}${member.optional ? "?" : ""}: ${typescriptType(member)};\n`,
  );
  return `${comment(about, "//")}export interface ${name} {\n${fields.join("")}}\n`;
}

function typescriptType({ type }: Member): string {
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

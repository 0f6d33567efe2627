/** Models in Dart: classes, which take and give plain JSON. */
import { camel, type ClientContract, comment, type Member, type Model } from "./contract.js";

export function dartModels({ sent, received }: ClientContract): string {
  return [
    ...sent.map((model) => classOf(model, toJson(model))),
    ...received.map((model) => classOf(model, fromJson(model))),
  ].join("\n");
}

function classOf({ name, about, members }: Model, method: string): string {
  const fields = members.map(
    (member) =>
      `${comment(member.about, "  ///")}  final ${typeOf(member)}${member.optional && !isJson(member) ? "?" : ""} ${camel(member.name)};\n`,
  );
  const parameters = members.map(
    (member) => `    ${member.optional ? "" : "required "}this.${camel(member.name)},\n`,
  );
  return `${comment(about, "///")}class ${name} {\n${fields.join("")}\n  const ${name}({\n${parameters.join("")}  });\n\n${method}}\n`;
}

const isJson = ({ type }: Member): boolean => "kind" in type && type.kind === "json";

function typeOf({ type }: Member): string {
  if ("model" in type) return type.list ? `List<${type.model}>` : type.model;
  return {
    text: "String",
    integer: "int",
    boolean: "bool",
    json: "Object?",
    values: "Map<String, Object?>",
    texts: "List<String>",
  }[type.kind];
}

function toJson({ members }: Model): string {
  const pairs = members.map(({ name, type, optional }) => {
    const value = camel(name);
    const each =
      "model" in type && type.list ? `[for (final each in ${value}) each.toJson()]` : value;
    return `        ${optional ? `if (${value} != null) ` : ""}'${name}': ${each},\n`;
  });
  return `  Map<String, Object?> toJson() => {\n${pairs.join("")}      };\n`;
}

function fromJson({ name, members }: Model): string {
  const values = members.map((member) => `        ${camel(member.name)}: ${read(member)},\n`);
  return `  factory ${name}.fromJson(Map<String, Object?> json) => ${name}(\n${values.join("")}      );\n`;
}

function read(member: Member): string {
  const { name, type, optional } = member;
  const value = `json['${name}']`;
  if (!("model" in type)) {
    if (type.kind === "json") return value;
    if (type.kind === "texts") return `(${value} as List<Object?>).cast<String>()`;
    return `${value} as ${typeOf(member)}${optional ? "?" : ""}`;
  }
  const object = "as Map<String, Object?>";
  if (type.list)
    return `[\n          for (final each in ${value} as List<Object?>)\n            ${type.model}.fromJson(each ${object}),\n        ]`;
  const made = `${type.model}.fromJson(${value} ${object})`;
  return optional ? `${value} == null ? null : ${made}` : made;
}

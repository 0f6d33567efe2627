/** Models in C#: classes that Newtonsoft.Json writes and reads. */
import { type ClientContract, comment, type Member, type Model, pascal } from "./contract.js";

export function csharpModels({ sent, received }: ClientContract): string {
  return [...sent, ...received].map(classOf).join("\n");
}

function classOf({ name, about, members }: Model): string {
  const properties = members.map((member) => {
    const rule = member.optional
      ? "NullValueHandling = NullValueHandling.Ignore"
      : "Required = Required.Always";
    return `${comment(member.about, "        //")}        [JsonProperty("${member.name}", ${rule})]\n        public ${typeOf(member)} ${nameOf(member, name)} { get; set; }\n`;
  });
  return `${comment(about, "    //")}    public sealed class ${name}\n    {\n${properties.join("\n")}    }\n`;
}

/** A property can't have its class's name. */
function nameOf({ name }: Member, model: string): string {
  return pascal(name) === model ? "Text" : pascal(name);
}

function typeOf({ type, optional }: Member): string {
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

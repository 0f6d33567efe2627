/** Models in Kotlin: data classes, which take and give the JSON of org.json. */
import { camel, type ClientContract, comment, type Member, type Model } from "./contract.js";

export function kotlinModels({ sent, received }: ClientContract): string {
  return [
    ...sent.map((model) => classOf(model, toJson(model))),
    ...received.map((model) => classOf(model, fromJson(model))),
  ].join("\n");
}

function classOf({ name, about, members }: Model, method: string): string {
  const fields = members.map(
    (member) =>
      `${comment(member.about, "    //")}    val ${camel(member.name)}: ${typeOf(member)}${member.optional ? "? = null" : ""},\n`,
  );
  // A comma behind the last one is an error to older compilers.
  return `${comment(about, "//")}data class ${name}(\n${fields.join("").replace(/,\n$/, "\n")}) {\n${method}}\n`;
}

function typeOf({ type }: Member): string {
  if ("model" in type) return type.list ? `List<${type.model}>` : type.model;
  return {
    text: "String",
    integer: "Long",
    boolean: "Boolean",
    json: "Any",
    values: "Map<String, Any?>",
    texts: "List<String>",
  }[type.kind];
}

function toJson({ members }: Model): string {
  const puts = members.map(({ name, type }) => {
    const value = camel(name);
    const each = "model" in type && type.list ? `${value}.map { it.toJson() }` : value;
    return `        putPresent("${name}", ${each})\n`;
  });
  return `    fun toJson(): JSONObject = JSONObject().apply {\n${puts.join("")}    }\n`;
}

function fromJson({ name, members }: Model): string {
  const values = members.map((member) => `            ${read(member)},\n`);
  const list = values.join("").replace(/,\n$/, "\n");
  return `    companion object {\n        fun fromJson(json: JSONObject) = ${name}(\n${list}        )\n    }\n`;
}

function read({ name, type, optional }: Member): string {
  const given = optional ? `json.present("${name}")?.let { ` : "";
  const end = optional ? " }" : "";
  if (!("model" in type)) {
    const getter = {
      text: "getString",
      integer: "getLong",
      boolean: "getBoolean",
      json: "get",
      values: "getJSONObject",
      texts: "getJSONArray",
    }[type.kind];
    const list = type.kind === "texts" ? ".texts()" : "";
    return `${given}json.${getter}("${name}")${list}${end}`;
  }
  if (type.list) return `json.getJSONArray("${name}").objects().map { ${type.model}.fromJson(it) }`;
  return `${given}${type.model}.fromJson(json.getJSONObject("${name}"))${end}`;
}

/** Models for languages in which each class converts itself to and from JSON: Dart, Kotlin and Python. */
import { camel, type ClientContract, comment, type Member, type Model } from "./contract.js";

/** Models in Dart: classes, which take and give plain JSON. */
export function dartModels({ sent, received }: ClientContract): string {
  return [
    ...sent.map((model) => dartClass(model, dartToJson(model))),
    ...received.map((model) => dartClass(model, dartFromJson(model))),
  ].join("\n");
}

function dartClass({ name, about, members }: Model, method: string): string {
  const fields = members.map(
    (member) =>
      `${comment(member.about, "  ///")}  final ${dartType(member)}${member.optional && !dartIsJson(member) ? "?" : ""} ${camel(member.name)};\n`,
  );
  const parameters = members.map(
    (member) => `    ${member.optional ? "" : "required "}this.${camel(member.name)},\n`,
  );
  return `${comment(about, "///")}class ${name} {\n${fields.join("")}\n  const ${name}({\n${parameters.join("")}  });\n\n${method}}\n`;
}

const dartIsJson = ({ type }: Member): boolean => "kind" in type && type.kind === "json";

function dartType({ type }: Member): string {
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

function dartToJson({ members }: Model): string {
  const pairs = members.map(({ name, type, optional }) => {
    const value = camel(name);
    const each =
      "model" in type && type.list ? `[for (final each in ${value}) each.toJson()]` : value;
    return `        ${optional ? `if (${value} != null) ` : ""}'${name}': ${each},\n`;
  });
  return `  Map<String, Object?> toJson() => {\n${pairs.join("")}      };\n`;
}

function dartFromJson({ name, members }: Model): string {
  const values = members.map((member) => `        ${camel(member.name)}: ${dartRead(member)},\n`);
  return `  factory ${name}.fromJson(Map<String, Object?> json) => ${name}(\n${values.join("")}      );\n`;
}

function dartRead(member: Member): string {
  const { name, type, optional } = member;
  const value = `json['${name}']`;
  if (!("model" in type)) {
    if (type.kind === "json") return value;
    if (type.kind === "texts") return `(${value} as List<Object?>).cast<String>()`;
    return `${value} as ${dartType(member)}${optional ? "?" : ""}`;
  }
  const object = "as Map<String, Object?>";
  if (type.list)
    return `[\n          for (final each in ${value} as List<Object?>)\n            ${type.model}.fromJson(each ${object}),\n        ]`;
  const made = `${type.model}.fromJson(${value} ${object})`;
  return optional ? `${value} == null ? null : ${made}` : made;
}

/** Models in Kotlin: data classes, which take and give the JSON of org.json. */
export function kotlinModels({ sent, received }: ClientContract): string {
  return [
    ...sent.map((model) => kotlinClass(model, kotlinToJson(model))),
    ...received.map((model) => kotlinClass(model, kotlinFromJson(model))),
  ].join("\n");
}

function kotlinClass({ name, about, members }: Model, method: string): string {
  const fields = members.map(
    (member) =>
      `${comment(member.about, "    //")}    val ${camel(member.name)}: ${kotlinType(member)}${member.optional ? "? = null" : ""},\n`,
  );
  // A comma behind the last one is an error to older compilers.
  return `${comment(about, "//")}data class ${name}(\n${fields.join("").replace(/,\n$/, "\n")}) {\n${method}}\n`;
}

function kotlinType({ type }: Member): string {
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

function kotlinToJson({ members }: Model): string {
  const puts = members.map(({ name, type }) => {
    const value = camel(name);
    const each = "model" in type && type.list ? `${value}.map { it.toJson() }` : value;
    return `        putPresent("${name}", ${each})\n`;
  });
  return `    fun toJson(): JSONObject = JSONObject().apply {\n${puts.join("")}    }\n`;
}

function kotlinFromJson({ name, members }: Model): string {
  const values = members.map((member) => `            ${kotlinRead(member)},\n`);
  const list = values.join("").replace(/,\n$/, "\n");
  return `    companion object {\n        fun fromJson(json: JSONObject) = ${name}(\n${list}        )\n    }\n`;
}

function kotlinRead({ name, type, optional }: Member): string {
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

/** Models in Python: dataclasses, which take and give plain JSON. */
export function pythonModels({ sent, received }: ClientContract): string {
  return [
    ...sent.map((model) => pythonClass(model, pythonToJson(model))),
    ...received.map((model) => pythonClass(model, pythonFromJson(model))),
  ].join("\n\n");
}

function pythonClass({ name, about, members }: Model, method: string): string {
  // Dataclasses have what needs no value last.
  const ordered = members.toSorted((a, b) => Number(a.optional) - Number(b.optional));
  const fields = ordered.map(
    (member) =>
      `${comment(member.about, "    #")}    ${member.name}: ${member.optional ? `Optional[${pythonType(member)}] = None` : pythonType(member)}\n`,
  );
  return `${comment(about, "#")}@dataclass\nclass ${name}:\n${fields.join("")}\n${method}`;
}

function pythonType({ type }: Member): string {
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

function pythonToJson({ members }: Model): string {
  const pairs = members.map(({ name, type }) => {
    const value = `self.${name}`;
    const each = "model" in type && type.list ? `[each.to_json() for each in ${value}]` : value;
    return `            "${name}": ${each},\n`;
  });
  return `    def to_json(self) -> Dict[str, Any]:\n        return _present({\n${pairs.join("")}        })\n`;
}

function pythonFromJson({ name, members }: Model): string {
  const values = members.map((member) => {
    const read = `value${member.optional ? `.get("${member.name}")` : `["${member.name}"]`}`;
    return `            ${member.name}=${pythonFromValue(member, read)},\n`;
  });
  return `    @classmethod\n    def from_json(cls, value: Any) -> "${name}":\n        return cls(\n${values.join("")}        )\n`;
}

function pythonFromValue({ type, optional }: Member, read: string): string {
  if (!("model" in type)) return read;
  if (type.list) return `[${type.model}.from_json(each) for each in ${read}]`;
  const made = `${type.model}.from_json(${read})`;
  return optional ? `None if ${read} is None else ${made}` : made;
}

/** Writes the tables' rules as TypeScript text. A table without a decision becomes a comment. */
import { type Decision, isSensitive, keyOf, type ParentGuess } from "./decide.js";
import type { Source } from "./source.js";
import { propertyName } from "./types-file.js";

/** Returns the members of `tables`, indented by four spaces. */
export function rulesText(
  sources: readonly Source[],
  decisions: ReadonlyMap<string, Decision>,
): string {
  const byName = new Map(sources.map((source) => [source.name, source]));
  return sources
    .map((source) => {
      const decision = decisions.get(source.name);
      const lines = ruleLines(source, lookUps(source, byName));
      return decision?.status === "decided"
        ? decidedRule(source, decision, lines)
        : undecidedRule(source, decision?.why ?? "nothing shows who may write it", lines);
    })
    .join("\n");
}

function decidedRule(
  source: Source,
  decision: Decision & { status: "decided" },
  rest: readonly string[],
): string {
  const { owner, parents, why } = decision;
  const lines = [
    ...(owner === undefined ? [] : [`owner: ${JSON.stringify(owner)},`]),
    ...(parents.length === 0 ? [] : [`belongsTo: { ${parents.map(parentText).join(", ")} },`]),
    ...rest,
  ];
  return [
    `    // A guess, for you to confirm: ${why}.`,
    `    ${propertyName(source.name)}: {`,
    ...lines.map((line) => `      ${line}`),
    "    },\n",
  ].join("\n");
}

function parentText({ column, table, by, optional }: ParentGuess): string {
  const name = propertyName(column);
  if (by === undefined && !optional) return `${name}: ${JSON.stringify(table)}`;
  const members = [
    `table: ${JSON.stringify(table)}`,
    ...(by === undefined ? [] : [`by: ${JSON.stringify(by)}`]),
    ...(optional ? ["optional: true"] : []),
  ];
  return `${name}: { ${members.join(", ")} }`;
}

/** Returns the comment for a table without a rule. A client's write to it fails with UNKNOWN_TABLE. */
function undecidedRule(source: Source, why: string, rest: readonly string[]): string {
  const lines = [
    `DECIDE who may write "${source.name}": ${why}.`,
    "Until there is a rule, clients' writes to this table become dead letters (UNKNOWN_TABLE).",
    "If clients only read the table, leave this as it is. Otherwise write one of these:",
    `  owner: "…"                  this column contains the owner's user id`,
    `  belongsTo: { …: "…" }       users who may write the row that this column refers to`,
    `  scope: …, authorize: …      see the library's docs/configuration.md`,
    `  access: "everyone"          every user may write every row`,
    ...(source.unsuitable === undefined
      ? [`${propertyName(source.name)}: {`, ...rest.map((line) => `  ${line}`), "},"]
      : []),
  ];
  return `${lines.map((line) => `    // ${line}`.trimEnd()).join("\n")}\n`;
}

/** Returns look-ups, as text, for columns that refer to a row by the database's number although clients know the row by another column. */
function lookUps(
  source: Source,
  sources: ReadonlyMap<string, Source>,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const {
    columns: [column, ...others],
    table,
    by: [take = "id"],
  } of source.foreignKeys) {
    const parent = sources.get(table);
    const [match, ...more] = parent === undefined ? [] : keyOf(parent);
    if (column === undefined || others.length + more.length > 0) continue;
    if (match === undefined || match === take) continue;
    const members = { table, match, take };
    const text = Object.entries(members).map(
      ([name, value]) => `${name}: ${JSON.stringify(value)}`,
    );
    found.set(column, `{ references: { ${text.join(", ")} } }`);
  }
  return found;
}

function ruleLines(source: Source, known: ReadonlyMap<string, string>): readonly string[] {
  const key = keyOf(source);
  const [first] = key;
  const isNumbered =
    key.length === 1 && source.columns.find(({ name }) => name === first)?.numbered !== undefined;
  const { written, left } = columnsOf(source, key);
  return [
    ...(key.length === 1 && first === "id" ? [] : key.length === 0 ? [] : [idText(key)]),
    ...(isNumbered
      ? [
          `// The database numbers "${first}", but clients make their own ids. Give the table a uuid column.`,
        ]
      : []),
    ...columnsText(written, known),
    ...left.map((line) => `// ${line}`),
  ];
}

function columnsText(
  names: readonly string[],
  known: ReadonlyMap<string, string>,
): readonly string[] {
  if (!names.some((name) => known.has(name))) {
    return [`columns: [${names.map((name) => JSON.stringify(name)).join(", ")}],`];
  }
  return [
    "columns: {",
    ...names.map((name) => `  ${propertyName(name)}: ${known.get(name) ?? "true"},`),
    "},",
  ];
}

function idText(key: readonly string[]): string {
  const names = key.map((name) => JSON.stringify(name));
  return key.length === 1 ? `id: ${names[0]},` : `id: [${names.join(", ")}],`;
}

function columnsOf(
  { columns, clientColumns }: Source,
  key: readonly string[],
): { readonly written: readonly string[]; readonly left: readonly string[] } {
  const left: string[] = [];
  const known = new Set(columns.map(({ name }) => name));
  const written = columns
    .filter(({ name, generated, numbered }) => {
      if (key.includes(name)) return false;
      if (clientColumns !== undefined && !clientColumns.includes(name)) return false;
      if (generated || numbered !== undefined) {
        left.push(`Left out: "${name}", whose values the database makes.`);
        return false;
      }
      if (isSensitive(name)) {
        left.push(
          `Left out: "${name}", which clients should not set, judging by its name. Add it if they may.`,
        );
        return false;
      }
      return true;
    })
    .map(({ name }) => name);
  for (const name of clientColumns ?? []) {
    if (!known.has(name)) {
      left.push(
        `Left out: "${name}", which exists in the client's schema but not in the database.`,
      );
    }
  }
  return { written, left };
}

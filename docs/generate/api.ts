/** `docs/api.md`: every export of every entry, with its signature and its docstring, as the TypeScript compiler reads them. */
import ts from "typescript";
import config from "../../tsup.config.js";
import manifest from "../../package.json" with { type: "json" };
import { banner, paragraphs } from "./markdown.js";

interface Exported {
  readonly name: string;
  /** What it is, whichever entries give it. */
  readonly symbol: ts.Symbol;
  /** First what is called, then types. */
  readonly isValue: boolean;
}

export function apiPage(): string {
  const entries = entriesOf(manifest.exports);
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile("tsconfig.json", ts.sys.readFile).config,
    ts.sys,
    ".",
  );
  const program = ts.createProgram(Object.values(entries), options);
  const checker = program.getTypeChecker();
  const shown = new Map<ts.Symbol, string>();
  const sections = Object.entries(entries).map(([entry, file]) =>
    section(entry, exportsOf(program, checker, file), checker, shown),
  );
  return paragraphs(
    "# API",
    banner,
    'Every export of every entry, from the sources. An entry is a subpath of the package: `import { jwt } from "powersync-writes/jwt"`. Each lists what can be called first, and then its types. [Configuration](configuration.md) explains the options at length.',
    Object.keys(entries)
      .map((entry) => `- [\`${entry}\`](#${anchor(entry)})`)
      .join("\n"),
    ...sections,
  );
}

/** Each entry of the package that is a module, and the file that it is built from. */
function entriesOf(subpaths: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const built = (config as { entry: Readonly<Record<string, string>> }).entry;
  const entries = Object.entries(subpaths).flatMap(([subpath, target]) => {
    if (typeof target === "string") return [];
    const { default: path } = target as { default: string };
    const source = built[path.replace("./dist/", "").replace(/\.js$/, "")];
    if (source === undefined) throw new Error(`tsup.config.ts builds no ${path}.`);
    return [[subpath.replace(/^\./, manifest.name), source] as const];
  });
  return Object.fromEntries(entries);
}

function exportsOf(
  program: ts.Program,
  checker: ts.TypeChecker,
  file: string,
): readonly Exported[] {
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${file} exports nothing.`);
  return checker
    .getExportsOfModule(module)
    .map((exported) => {
      const symbol =
        exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const isValue = (symbol.flags & ts.SymbolFlags.Value) !== 0;
      return { name: exported.name, symbol, isValue };
    })
    .filter(({ symbol }) => !symbol.getJsDocTags().some(({ name }) => name === "internal"))
    .toSorted((a, b) => Number(b.isValue) - Number(a.isValue) || (a.name < b.name ? -1 : 1));
}

function section(
  entry: string,
  exported: readonly Exported[],
  checker: ts.TypeChecker,
  shown: Map<ts.Symbol, string>,
): string {
  const parts = exported.map(({ name, symbol }) => {
    const elsewhere = shown.get(symbol);
    if (elsewhere !== undefined)
      return `### ${name}\n\nThe same as in [\`${elsewhere}\`](#${anchor(elsewhere)}).`;
    shown.set(symbol, entry);
    return part(name, symbol, checker);
  });
  return [`## ${entry}`, ...parts].join("\n\n");
}

function part(name: string, symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const declarations = symbol.declarations ?? [];
  const [first] = declarations;
  if (first === undefined) throw new Error(`${name} is declared nowhere.`);
  const overloads = declarations.filter(
    (one) => !ts.isFunctionDeclaration(one) || one.body === undefined,
  );
  const signatures = (overloads.length > 0 ? overloads : declarations)
    .map((one) => signature(name, one, checker))
    .join("\n");
  const tags = symbol.getJsDocTags(checker);
  const said = ts.displayPartsToString(symbol.getDocumentationComment(checker));
  const textOf = (tag: ts.JSDocTagInfo) => ts.displayPartsToString(tag.text).trim();
  const lists = tags
    .filter((tag) => ["param", "returns", "throws"].includes(tag.name))
    .map((tag) => {
      const text = textOf(tag).replace(/\s*\n\s*/g, " ");
      if (tag.name !== "param") return `- ${tag.name}: ${text}`;
      const [, of = "", rest = ""] = /^(\S+)\s*(?:-\s*)?(.*)$/s.exec(text) ?? [];
      return `- \`${of}\`: ${rest}`;
    });
  const examples = tags
    .filter((tag) => tag.name === "example")
    .map((tag) => {
      const text = textOf(tag).replace(/^```\w*\n|\n```$/g, "");
      return `Example:\n\n\`\`\`ts\n${text}\n\`\`\``;
    });
  return [
    `### ${name}`,
    linked(said),
    `\`\`\`ts\n${signatures}\n\`\`\``,
    ...(lists.length > 0 ? [linked(lists.join("\n"))] : []),
    ...examples,
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

/** `{@link name}` has no target on this page for what is not exported. */
function linked(text: string): string {
  return text.replace(/\{@link (?:\w+ )?([^}]+)\}/g, "`$1`");
}

/** As it is declared, without bodies, and without what is private. */
function signature(name: string, node: ts.Declaration, checker: ts.TypeChecker): string {
  if (ts.isFunctionDeclaration(node)) return `${withoutBody(node)}${inferred(node, checker)};`;
  if (ts.isClassDeclaration(node)) return classText(node, checker);
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node))
    return node.getText().replace(/^export (?:declare )?/, "");
  const type = checker.getTypeOfSymbolAtLocation(
    checker.getSymbolAtLocation((node as ts.VariableDeclaration).name) as ts.Symbol,
    node,
  );
  return `const ${name}: ${checker.typeToString(type, node, ts.TypeFormatFlags.NoTruncation)};`;
}

/** The type of what is returned, where the source leaves it to the compiler. */
function inferred(node: ts.FunctionDeclaration, checker: ts.TypeChecker): string {
  const called = checker.getSignatureFromDeclaration(node);
  if (node.type !== undefined || called === undefined) return "";
  const type = checker.getReturnTypeOfSignature(called);
  return `: ${checker.typeToString(type, node, ts.TypeFormatFlags.NoTruncation)}`;
}

function withoutBody(node: ts.FunctionLikeDeclaration): string {
  const source = node.getSourceFile().text;
  const end = node.body === undefined ? node.getEnd() : node.body.getFullStart();
  return source
    .slice(node.getStart(), end)
    .trim()
    .replace(/;$/, "")
    .replace(/^export (?:default )?(?:async )?/, "");
}

function classText(node: ts.ClassDeclaration, checker: ts.TypeChecker): string {
  const source = node.getSourceFile().text;
  const head = source
    .slice(node.name?.getStart() ?? node.getStart(), node.members.pos)
    .replace(/\{\s*$/, "")
    .trim();
  const members = node.members
    .filter(
      (member) =>
        !(member.name !== undefined && ts.isPrivateIdentifier(member.name)) &&
        !(ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) &&
        !ts.isClassStaticBlockDeclaration(member),
    )
    .map((member) => {
      const docs = ts.getJSDocCommentsAndTags(member)[0]?.getText();
      const text = ts.isFunctionLike(member)
        ? `${withoutBody(member as ts.FunctionLikeDeclaration)};`
        : memberText(member, checker);
      return [docs, text]
        .filter((one) => one !== undefined)
        .join("\n")
        .replace(/^/gm, "  ")
        .replace(/^ {4,}(?=\S)/gm, (space) => space.slice(2));
    });
  return `class ${head} {\n${members.join("\n")}\n}`;
}

/** A property with its type, and without its value. */
function memberText(member: ts.ClassElement, checker: ts.TypeChecker): string {
  if (!ts.isPropertyDeclaration(member) || member.initializer === undefined)
    return member.getText();
  const source = member.getSourceFile().text;
  const text = source.slice(member.getStart(), member.initializer.getFullStart());
  const declared = text.replace(/\s*=\s*$/, "");
  if (member.type !== undefined) return `${declared};`;
  const type = checker.getTypeAtLocation(member);
  return `${declared}: ${checker.typeToString(type, member, ts.TypeFormatFlags.NoTruncation)};`;
}

function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

/** The files of `src` and `adapters` as TypeScript reads them: what each one declares, exports and imports. Nothing is compiled or run. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import ts from "typescript";

export interface Import {
  /** Path of the file that is imported, from the root of the package. */
  readonly from: string;
  /** Names that are taken; `*` for the whole module. */
  readonly names: readonly string[];
  /** At least one of them is more than a type, so that the module is loaded. */
  readonly value: boolean;
}

export interface House {
  readonly path: string;
  readonly lines: number;
  /** Names that this file defines at its top level. */
  readonly defined: readonly string[];
  /** Those of them that it exports. */
  readonly exported: readonly string[];
  /** Files of the package alone. Re-exports are imports too. */
  readonly imports: readonly Import[];
}

export const roots = ["src", "adapters"] as const;

/** All but what is generated. */
export function readHouse(): readonly House[] {
  return sources().map((path) => read(path));
}

export function sources(): readonly string[] {
  return roots
    .flatMap((root) =>
      readdirSync(root, { recursive: true, encoding: "utf8" }).map((path) =>
        posix.join(root, path.replaceAll("\\", "/")),
      ),
    )
    .filter((path) => path.endsWith(".ts") && !path.includes("/generated/"))
    .sort();
}

export function parse(path: string, text = readFileSync(path, "utf8")): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

function read(path: string): House {
  const file = parse(path);
  const defined = new Set<string>();
  const exported = new Set<string>();
  const imports = new Map<string, { names: Set<string>; value: boolean }>();

  const take = (specifier: ts.Node | undefined, names: readonly string[], value: boolean) => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    if (!specifier.text.startsWith(".") || specifier.text.includes("/generated/")) return;
    const from = posix.join(posix.dirname(path), specifier.text.replace(/\.js$/, ".ts"));
    const known = imports.get(from) ?? { names: new Set(), value: false };
    for (const name of names) known.names.add(name);
    imports.set(from, { names: known.names, value: known.value || value });
  };

  for (const statement of file.statements) {
    if (ts.isImportDeclaration(statement)) {
      const { names, value } = ofImport(statement.importClause);
      take(statement.moduleSpecifier, names, value);
    } else if (ts.isExportDeclaration(statement)) {
      const { exportClause: clause, isTypeOnly, moduleSpecifier } = statement;
      const named = clause && ts.isNamedExports(clause) ? clause.elements : undefined;
      const names = named?.map(({ propertyName, name }) => (propertyName ?? name).text) ?? ["*"];
      take(moduleSpecifier, names, !isTypeOnly && (named?.some((one) => !one.isTypeOnly) ?? true));
      if (moduleSpecifier === undefined) for (const name of names) exported.add(name);
    } else {
      const isExported =
        ts.canHaveModifiers(statement) &&
        ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
      for (const name of namesOf(statement)) {
        defined.add(name);
        if (isExported === true) exported.add(name);
      }
    }
  }
  visitImportsWithin(file, take);

  return {
    path,
    lines: file.text.split("\n").length - 1,
    defined: [...defined],
    exported: [...exported],
    imports: [...imports].map(([from, { names, value }]) => ({ from, names: [...names], value })),
  };
}

function ofImport(clause: ts.ImportClause | undefined): Omit<Import, "from"> {
  if (clause === undefined) return { names: [], value: true };
  const { name, namedBindings, phaseModifier } = clause;
  const named = namedBindings && ts.isNamedImports(namedBindings) ? namedBindings.elements : [];
  const whole = namedBindings !== undefined && ts.isNamespaceImport(namedBindings);
  return {
    names: [
      ...(name ? ["default"] : []),
      ...(whole ? ["*"] : []),
      ...named.map(({ propertyName, name: own }) => (propertyName ?? own).text),
    ],
    value:
      phaseModifier !== ts.SyntaxKind.TypeKeyword &&
      (name !== undefined || whole || named.some(({ isTypeOnly }) => !isTypeOnly)),
  };
}

/** `import("./x.js")`, as a type and as a call. */
function visitImportsWithin(
  node: ts.Node,
  take: (specifier: ts.Node | undefined, names: readonly string[], value: boolean) => void,
): void {
  node.forEachChild((child) => visitImportsWithin(child, take));
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    take(node.argument.literal, [node.qualifier?.getText() ?? "*"], false);
  } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    take(node.arguments[0], ["*"], true);
  }
}

function namesOf(statement: ts.Statement): readonly string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => bound(name));
  }
  const named =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isEnumDeclaration(statement);
  return named && statement.name !== undefined ? [statement.name.text] : [];
}

function bound(name: ts.BindingName): readonly string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) =>
    ts.isOmittedExpression(element) ? [] : bound(element.name),
  );
}

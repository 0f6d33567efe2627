/** A client's text is read in time that is proportional to its length: a checker shows it for each regular expression of the sources. */
import { globSync, readFileSync } from "node:fs";
import { checkSync } from "recheck";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";

/** Regular expressions that read the application's own configuration alone, and may take the square of its length. */
const ofConfiguration: ReadonlySet<string> = new Set([
  String.raw`src/jwt/provider-options.ts: /\/+$/`,
  String.raw`src/client/http.ts: /\/*(\?.*)?$/`,
  // The audit's own cases name these, for a header of the server that its operator tries.
  'src/audit/match.ts: not a literal: new RegExp(pattern, "i")',
]);

describe("the regular expressions of src and adapters", () => {
  beforeAll(() => {
    // The checker runs in this process: no program, no Java, the same everywhere.
    process.env["RECHECK_SYNC_BACKEND"] = "pure";
  });

  const literals = globSync(["src/**/*.{ts,js}", "adapters/**/*.ts"])
    .map((file) => file.replaceAll("\\", "/"))
    .flatMap((file) => literalsOf(file).map((literal) => `${file}: ${literal}`));
  const checked = new Set(literals.filter((each) => !ofConfiguration.has(each)));

  it("are found", () => {
    expect(checked.size).toBeGreaterThan(50);
  });

  it.each([...checked])("%s is linear", { timeout: 300_000 }, (each) => {
    expect(each).toMatch(/: \/.*\/\w*$/s);
    const [, source = "", flags = ""] = /: \/(.*)\/(\w*)$/s.exec(each) ?? [];
    const result = checkSync(source, flags, { timeout: null, attackTimeout: null });
    const attack = result.status === "vulnerable" ? `slow on ${result.attack.pattern}` : undefined;
    expect(attack ?? result.status).toBe("safe");
  });
});

function literalsOf(file: string): readonly string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) found.push(node.text);
    const made = madeOf(node);
    if (made !== undefined) found.push(made);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true));
  return found;
}

/** The same as a literal, of a regular expression that is made of a text. What is put together at run time can't be checked, and is refused. */
function madeOf(node: ts.Node): string | undefined {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return undefined;
  const { expression } = node;
  const [source, flags] = node.arguments ?? [];
  const isRegExp = ts.isIdentifier(expression) && expression.text === "RegExp";
  // These make one of a text; of what else they are given, the literal is found by itself.
  const method = ts.isPropertyAccessExpression(expression) ? expression.name.text : "";
  const isSearch = ["match", "matchAll", "search"].includes(method);
  if (source === undefined || !(isRegExp || (isSearch && ts.isStringLiteralLike(source)))) return;
  if (!ts.isStringLiteralLike(source) || (flags !== undefined && !ts.isStringLiteralLike(flags))) {
    return `not a literal: ${node.getText()}`;
  }
  return `/${source.text}/${flags !== undefined && isRegExp ? flags.text : ""}`;
}

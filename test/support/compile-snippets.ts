/**
 * Compiles the snippets of a folder, as `tsc -p` does, and prints what is wrong with them: `node compile-snippets.ts FOLDER`. A snippet is a part of a file:
 * names that it leaves to the reader (`database`, `app`, …) may be anything. What it imports, and the options and members that it uses, must exist.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

const [, , folder = "."] = process.argv;
const { config } = ts.readConfigFile(join(folder, "tsconfig.json"), ts.sys.readFile);
const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, folder);

/** A part of a function, and a class of Kysely's that the example does not import: neither says anything about the snippet. */
const passed = new Set([1108, 2347]);
/** Cannot find name …; … also with a suggestion, or as a namespace. */
const unknownName = new Set([2304, 2552, 2503, 2580, 2591, 18004]);

let program = ts.createProgram(fileNames, options);
const exported = exportsOfPackage();
for (const name of fileNames) {
  const source = program.getSourceFile(name);
  const names = program
    .getSemanticDiagnostics(source)
    .filter(({ code }) => unknownName.has(code))
    .map(({ start = 0, length = 0 }) => source?.text.slice(start, start + length) ?? "");
  const declared = [...new Set(names)].map((one) => {
    const entry = exported.get(one);
    return entry === undefined
      ? `declare const ${one}: any;\ntype ${one}<_A = any, _B = any> = any;`
      : `import { ${entry.isType ? "type " : ""}${one} } from "${entry.from}";`;
  });
  appendFileSync(name, `\n${declared.join("\n")}\n`);
}

program = ts.createProgram(fileNames, options, undefined, program);
const found = fileNames.flatMap((name) => {
  const file = program.getSourceFile(name);
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
});
process.stdout.write(
  ts.formatDiagnostics(
    found.filter(({ code }) => !passed.has(code)),
    {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => folder,
      getNewLine: () => "\n",
    },
  ),
);

/** By name, the entry that exports it: the examples of the API do not say where they import from. */
function exportsOfPackage(): ReadonlyMap<string, { from: string; isType: boolean }> {
  const checker = program.getTypeChecker();
  const found = Object.entries(options.paths ?? {}).flatMap(([entry, [file = ""]]) => {
    const source = program.getSourceFile(file);
    const module = source && checker.getSymbolAtLocation(source);
    return module === undefined
      ? []
      : checker.getExportsOfModule(module).map((one) => {
          const isAlias = (one.flags & ts.SymbolFlags.Alias) !== 0;
          const { flags } = isAlias ? checker.getAliasedSymbol(one) : one;
          return [one.name, { from: entry, isType: !(flags & ts.SymbolFlags.Value) }] as const;
        });
  });
  return new Map(found);
}

/**
 * Compiles the TypeScript files of a folder, as `tsc -p` does, and prints what is wrong with them: `node compile-blocks.ts FOLDER`.
 *
 * What they import is taken as it is: `npm run typecheck` looks at the sources, and to do so once more takes most of the time.
 */
import { join } from "node:path";
import ts from "typescript";

const [, , folder = "."] = process.argv;
const host: ts.FormatDiagnosticsHost = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => folder,
  getNewLine: () => "\n",
};
const { config, error } = ts.readConfigFile(join(folder, "tsconfig.json"), ts.sys.readFile);
const { options, fileNames, errors } = ts.parseJsonConfigFileContent(config, ts.sys, folder);
const program = ts.createProgram(fileNames, options);
const found = [
  ...(error === undefined ? [] : [error]),
  ...errors,
  ...program.getOptionsDiagnostics(),
  ...program.getGlobalDiagnostics(),
  ...fileNames.flatMap((name) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  }),
];
process.stdout.write(ts.formatDiagnostics(found, host));

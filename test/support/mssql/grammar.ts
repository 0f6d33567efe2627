/** A grammar of T-SQL: what of a statement it does not take. It is made from the documentation, and is no SQL Server: it knows no tables and no types. */
import { PredictionMode } from "antlr4ts/atn/PredictionMode.js";
import { CharStreams, CommonTokenStream, type ANTLRErrorListener } from "antlr4ts";
import { CaseChangingStream } from "antlr4ts-sql/dist/src/models/CaseChangingStream.js";
import { TSqlLexer } from "antlr4ts-sql/dist/src/grammar-output/tsql/TSqlLexer.js";
import { TSqlParser } from "antlr4ts-sql/dist/src/grammar-output/tsql/TSqlParser.js";

export function faults(statement: string): readonly string[] {
  const found: string[] = [];
  const listener: ANTLRErrorListener<unknown> = {
    syntaxError: (_recognizer, _symbol, line, column, message) =>
      found.push(`${line}:${column} ${message.slice(0, 80)}`),
  };
  const lexer = new TSqlLexer(new CaseChangingStream(CharStreams.fromString(statement), true));
  lexer.removeErrorListeners();
  lexer.addErrorListener(listener as ANTLRErrorListener<number>);
  const parser = new TSqlParser(new CommonTokenStream(lexer));
  parser.removeErrorListeners();
  parser.addErrorListener(listener as ANTLRErrorListener<never>);
  // The quick way, which takes no less: a statement with a fault is read in the other one, too.
  parser.interpreter.setPredictionMode(PredictionMode.SLL);
  parser.tsql_file();
  return found;
}

/** Errors that no list of codes knows, told by where the server made them. Those of PostGIS, which can't be had here, have the fields of its source. */
import { describe, expect, it } from "vitest";
import { meaning } from "../../src/sql/postgres/errors.js";

const serverError = (fields: object) => Object.assign(new Error("secret"), fields);

describe("an error of Postgres", () => {
  it.each([
    ["an empty geometry", "XX000", "lwgeom_inout.c", "LWGEOM_in"],
    ["POINT(13.4)", "XX000", "lwgeom_inout.c", "parse_WKT_lwgeom"],
    ["GeoJSON for a geography", "XX000", "geography_inout.c", "geography_in"],
    ["a WKB that is none", "XX000", "lwgeom_pg.c", "pg_error"],
    ["a text that is no hstore", "XX000", "hstore_io.c", "parse_hstore"],
    ["a text that is no tsquery", "42601", "tsquery.c", "pushStop"],
  ])("about %s is the value's", (_what, code, file, routine) => {
    expect(meaning(serverError({ code, file, routine }))).toBe("INVALID_DATA");
  });

  it.each([
    [
      "a catalog that has changed",
      { code: "XX000", file: "syscache.c", routine: "SearchSysCache" },
    ],
    [
      "a row that another one has changed",
      { code: "XX000", file: "heapam.c", routine: "simple_heap_update" },
    ],
    [
      "the parser's own tree",
      { code: "XX000", file: "parse_relation.c", routine: "get_rte_attribute_type" },
    ],
    [
      "a statement's text",
      { code: "42601", file: "scan.l", routine: "scanner_yyerror", position: "8" },
    ],
    [
      "a text that a trigger runs",
      { code: "42601", file: "scan.l", routine: "scanner_yyerror", internalPosition: "1" },
    ],
    [
      "a trigger's own literal",
      { code: "42601", file: "tsquery.c", routine: "makepol", internalPosition: "8" },
    ],
    [
      "what a function does with a result",
      { code: "42601", file: "pl_exec.c", routine: "exec_stmt_execsql" },
    ],
    ["nothing that it tells", { code: "42601" }],
    ["an extension's or a pooler's own code", { code: "PT402" }],
    [
      "an extension's own code, from C",
      { code: "U0001", file: "utility_hook.c", routine: "check" },
    ],
  ])("about %s is not known to be the value's", (_what, fields) => {
    expect(meaning(serverError(fields))).toBe("other");
  });

  it.each(["PT402", "U0001", "45000", "XX000", "42601"])(
    "that RAISE made, %s, is the application's word",
    (code) => {
      const raised = { file: "pl_exec.c", routine: "exec_stmt_raise" };
      expect(meaning(serverError({ code, ...raised }))).toBe("CONSTRAINT_VIOLATION");
    },
  );

  it.each([
    ["40001", "contention"],
    ["53400", "outage"],
    ["57014", "other"],
  ])("that RAISE made as one of the server's own, %s, means what that does", (code, expected) => {
    const raised = { file: "pl_exec.c", routine: "exec_stmt_raise" };
    expect(meaning(serverError({ code, ...raised }))).toBe(expected);
  });
});

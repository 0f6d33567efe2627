/**
 * Converts ranges of dates and times. Postgres' own parser takes a time without a zone to be in the connection's zone, and ignores the zone in a `tsrange`
 * and the time in a `daterange`. Each bound is therefore converted like a single value.
 */
import { InvalidValue } from "../../store/failures.js";

/** The type of the bounds, by the range's type. Ranges of numbers are left to Postgres, because numbers have only one meaning. */
export const boundTypes: Readonly<Record<string, string>> = {
  tstzrange: "timestamptz",
  tstzmultirange: "timestamptz",
  tsrange: "timestamp",
  tsmultirange: "timestamp",
  daterange: "date",
  datemultirange: "date",
};

const rangeForm =
  /\s*(?:(empty)|([[(])(?:"((?:[^"\\]|\\.)*)"|([^,()[\]{}"\\]*)),(?:"((?:[^"\\]|\\.)*)"|([^,()[\]{}"\\]*))([\])]))\s*(,|$)/giy;

/** @param one what becomes of a bound */
export function rangeText(type: string, text: string, one: (bound: string) => string): string {
  const many = type.endsWith("multirange");
  const inside = many ? /^\s*\{(.*)\}\s*$/s.exec(text)?.[1] : text;
  if (inside === undefined) throw notARange();
  const edge = (quoted: string | undefined, plain = "") => {
    const said = (quoted === undefined ? plain : quoted.replace(/\\(.)/gs, "$1")).trim();
    return said === "" || /^-?infinity$/i.test(said) ? said : `"${one(said)}"`;
  };
  const ranges: string[] = [];
  let read = 0;
  let open = inside.trim() !== "";
  for (const match of inside.matchAll(rangeForm)) {
    const [all, empty, from = "", ...rest] = match;
    const [lowQuoted, low, highQuoted, high, to = "", comma = ""] = rest;
    ranges.push(
      empty === undefined ? `${from}${edge(lowQuoted, low)},${edge(highQuoted, high)}${to}` : empty,
    );
    read += all.length;
    open = comma !== "";
  }
  if (read !== inside.length && inside.trim() !== "") throw notARange();
  if (open || (!many && ranges.length !== 1)) throw notARange();
  return many ? `{${ranges.join(",")}}` : ranges.join("");
}

function notARange(): InvalidValue {
  return new InvalidValue("The value is not a range.");
}

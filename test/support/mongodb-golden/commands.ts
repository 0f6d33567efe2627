/** Commands as the driver's own monitoring shows them, without what differs from one time to the next. */
import { BSON, type CommandStartedEvent, type Document } from "mongodb";

export interface Sent {
  readonly name: string;
  readonly command: Document;
  /** What it carries as a part of a transaction, or of a session. */
  readonly around: Document;
}

const fieldsAround = [
  "lsid",
  "txnNumber",
  "startTransaction",
  "autocommit",
  "readConcern",
  "writeConcern",
  "maxTimeMS",
];
/** The driver's own, and the database's name. */
const leftOut = new Set(["$db", "$clusterTime", "$readPreference", "recoveryToken"]);

export function sentBy({ commandName, command }: CommandStartedEvent): Sent {
  const fields = Object.entries(plain(command as Document)).filter(([name]) => !leftOut.has(name));
  const isAround = ([name]: readonly [string, unknown]) => fieldsAround.includes(name);
  const around = Object.fromEntries(fields.filter(isAround));
  return {
    name: commandName,
    command: Object.fromEntries(fields.filter((field) => !isAround(field))),
    around: {
      ...around,
      ...(around["lsid"] && { lsid: "…" }),
      ...(around["txnNumber"] && { txnNumber: "…" }),
    },
  };
}

/** As extended JSON, but for plain integers. */
function plain(command: Document): Document {
  const text = BSON.EJSON.stringify(command, { relaxed: false });
  return shown(JSON.parse(text)) as Document;
}

function shown(value: unknown): unknown {
  if (typeof value === "string") return steady(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  const { $numberInt, $date, $oid, $binary } = value as Readonly<Record<string, unknown>>;
  if ($numberInt !== undefined) return Number($numberInt);
  if ($date !== undefined) return { $date: "…" };
  if ($oid !== undefined) return { $oid: "…" };
  if (($binary as Document | undefined)?.["subType"] === "04") return { $uuid: "…" };
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shown(each)]));
}

/** Ids, hashes and times are other ones each time. */
function steady(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{64}\b/g, "<hash>")
    .replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "<uuid>")
    .replaceAll(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>");
}

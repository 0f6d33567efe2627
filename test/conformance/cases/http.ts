/** 5xx: the request itself. */
import { gzipSync, deflateSync } from "node:zlib";
import { type Case, L1, put, refused, results, success, transaction, upload } from "../case.js";

const body = upload(transaction(put("lists", L1, { name: "Groceries" })));
const text = JSON.stringify(body);
const nothing = { lists: [], deadLetters: [] };
const stored = { lists: [{ id: L1, name: "Groceries", owner_id: "alice" }] };

export const http: readonly Case[] = [
  {
    id: "H-501",
    level: "MUST",
    title: "asks who calls before it looks at the body",
    steps: [
      {
        send: { as: null, body },
        expect: { ...refused(401), headers: { "www-authenticate": "Bearer" } },
      },
      { send: { as: null, body: "{not json" }, expect: refused(401) },
      {
        send: { as: null, body: "x", headers: { "content-type": "text/plain" } },
        expect: refused(401),
      },
    ],
    leaves: nothing,
  },
  ...(["{not json", "", " ", "{} {}", '{"a":"\\ud8"}', "[1,]"] as const).map(
    (bad, index): Case => ({
      id: `H-${510 + index}`,
      level: "MUST",
      title: `refuses a body that is not JSON: ${JSON.stringify(bad)}`,
      steps: [{ send: { body: bad }, expect: refused(400) }],
      leaves: nothing,
    }),
  ),
  {
    id: "H-520",
    level: "MUST",
    title: "refuses bytes that are not UTF-8",
    steps: [
      {
        send: { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) },
        expect: refused(400),
      },
    ],
    leaves: nothing,
  },
  {
    id: "H-521",
    level: "MUST",
    title: "refuses other content types with 415",
    steps: [
      { send: { body: text, headers: { "content-type": "text/plain" } }, expect: refused(415) },
      {
        send: { body: text, headers: { "content-type": "application/x-www-form-urlencoded" } },
        expect: refused(415),
      },
      {
        send: { body: text, headers: { "content-type": "application/json; charset=utf-8" } },
        expect: results(success),
      },
    ],
    leaves: stored,
  },
  {
    id: "H-522",
    level: "MUST",
    title: "reads bodies compressed by gzip and deflate, and refuses other encodings with 415",
    steps: [
      {
        send: { body: gzipSync(text), headers: { "content-encoding": "gzip" } },
        expect: results(success),
      },
      {
        send: { body: deflateSync(text), headers: { "content-encoding": "deflate" } },
        expect: results(success),
      },
      {
        send: { body: Buffer.from(text), headers: { "content-encoding": "br" } },
        expect: refused(415),
      },
      {
        send: { body: Buffer.from("not gzip"), headers: { "content-encoding": "gzip" } },
        expect: refused(400),
      },
    ],
    leaves: stored,
  },
  {
    id: "H-523",
    level: "MUST",
    title: "refuses a body over the limit with 413, compressed or not",
    setting: "small-limits",
    steps: [
      { send: { body: { ...body, padding: "x".repeat(4096) } }, expect: refused(413) },
      {
        send: { body: gzipSync("x".repeat(1_000_000)), headers: { "content-encoding": "gzip" } },
        expect: refused(413),
      },
      { send: { body }, expect: results(success) },
    ],
    leaves: stored,
  },
  {
    id: "H-524",
    level: "MUST",
    title: "refuses an envelope that is 10,000 levels deep",
    steps: [{ send: { body: "[".repeat(10_000) + "]".repeat(10_000) }, expect: refused(400) }],
    leaves: nothing,
  },
  {
    id: "H-530",
    level: "MUST",
    title: "names each answer, by the caller's own name where it gives one",
    steps: [
      {
        send: { body, headers: { "x-correlation-id": "abc-123" } },
        expect: { ...results(success), headers: { "x-correlation-id": "abc-123" } },
      },
      {
        send: { as: null, body, headers: { "x-correlation-id": "abc-124" } },
        expect: { ...refused(401), headers: { "x-correlation-id": "abc-124" } },
      },
    ],
  },
  {
    id: "H-540",
    level: "MUST",
    title: "tells its limits",
    steps: [
      {
        send: { method: "GET", path: "/api/data/limits", as: null },
        expect: {
          status: 200,
          body: {
            contract_version: "1.0.0",
            limits: {
              body_bytes: 16_777_216,
              transactions: 100,
              operations: 10_000,
              depth: 64,
              keys: 250_000,
              values: 500_000,
              string_length: 4_194_304,
              concurrent_requests: 8,
            },
            timeouts: { transaction_ms: 60_000, request_ms: 60_000 },
            features: ["ledger", "dead_letters"],
          },
        },
      },
    ],
  },
  {
    id: "H-541",
    level: "MUST",
    title: "hands out its contract",
    steps: [
      {
        send: { method: "GET", path: "/api/data/openapi.yaml", as: null },
        expect: { status: 200, headers: { "content-type": "application/yaml" } },
      },
    ],
  },
  {
    id: "H-542",
    level: "MUST",
    title: "has nothing at other paths and for other methods",
    steps: [
      { send: { method: "GET" }, expect: { status: 404 } },
      { send: { method: "PUT", path: "/api/data/limits", body }, expect: { status: 404 } },
      { send: { method: "DELETE", path: "/api/data/other", body }, expect: { status: 404 } },
      { send: { path: "/api/data/other", body }, expect: { status: 404 } },
      { send: { path: "/api/database", body }, expect: { status: 404 } },
      { send: { path: "/", body }, expect: { status: 404 } },
      { send: { path: "/api/data/?x=1", body }, expect: results(success) },
    ],
    leaves: stored,
  },
];

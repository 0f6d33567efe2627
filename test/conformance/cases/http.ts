/** 5xx: the request itself. */
import { gzipSync, deflateSync } from "node:zlib";
import { type Case, L1, put, refused, results, success, transaction, upload } from "../case.js";

const body = upload(transaction(put("lists", L1, { name: "Groceries" })));
const text = JSON.stringify(body);
const stored = { lists: [{ id: L1, name: "Groceries", owner_id: "alice" }] };

export const http: readonly Case[] = [
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
  {
    id: "C-723",
    level: "MUST",
    title: "has no checkpoints of its own unless it is told to",
    steps: [
      {
        send: { method: "PUT", path: "/api/data/checkpoint", body: { client_id: "phone" } },
        expect: { status: 404 },
      },
      {
        send: {
          path: "/api/data/checkpoint-request",
          body: { client_id: "phone", checkpoint_request_id: "1" },
        },
        expect: { status: 404 },
      },
    ],
  },
];

/** 6xx: keys that are not called `id`, are composite, or that clients do not know. */
import { noUuid } from "../../support/schema.js";
import { expect } from "vitest";
import {
  type Case,
  del,
  fatal,
  L1,
  L2,
  patch,
  put,
  results,
  success,
  transaction,
  upload,
  uuid,
} from "../case.js";

const member = `${L1}.alice`;
const A1 = uuid(31);
const B1 = uuid(41);
const number: unknown = expect.any(Number);
const send = (...crud: readonly object[]) => ({ body: upload(transaction(...crud)) });

export const keys: readonly Case[] = [
  {
    id: "K-601",
    level: "MUST",
    title: "finds a row by a composite key, and takes its columns where the client repeats them",
    steps: [
      {
        send: send(
          put("members", member, { list_id: L1, user_name: "alice", role: "owner" }),
          put("members", `${L2}.alice`, { role: "owner" }),
          put("members", `${L1}.bob`, { role: "guest" }),
        ),
        expect: results(success),
      },
      {
        send: send(
          put("members", member, { role: "admin" }),
          patch("members", `${L1}.bob`, { role: null, user_name: "bob" }),
          del("members", `${L2}.alice`),
        ),
        expect: results(success),
      },
    ],
    leaves: {
      members: [
        { list_id: L1, user_name: "alice", role: "admin" },
        { list_id: L1, user_name: "bob", role: null },
      ],
    },
  },
  {
    id: "K-602",
    level: "MUST",
    title: "never moves a row to another key",
    setting: "skip",
    given: { members: [{ list_id: L1, user_name: "alice", role: "owner" }] },
    steps: [
      {
        send: {
          body: upload(
            transaction(patch("members", member, { user_name: "bob" })),
            transaction(patch("members", member, { list_id: L2 })),
            transaction(patch("members", L1, { role: "x" })),
            transaction(patch("members", `${member}.x`, { role: "x" })),
          ),
        },
        expect: results(
          fatal("FORBIDDEN_COLUMN", 0),
          fatal("FORBIDDEN_COLUMN", 0),
          fatal("INVALID_DATA", 0),
          fatal("INVALID_DATA", 0),
        ),
      },
    ],
    leaves: { members: [{ list_id: L1, user_name: "alice", role: "owner" }] },
  },
  {
    id: "K-610",
    level: "MUST",
    title: "maps rows with sequential ids by the uuids that clients know them by",
    except: { MongoDB: "It numbers nothing." },
    steps: [
      {
        send: send(
          put("authors", A1, { name: "Le Guin" }),
          put("books", B1, { title: "The Dispossessed", author_id: A1 }),
          patch("authors", A1, { name: "Ursula K. Le Guin" }),
          patch("books", B1, { title: "The Lathe of Heaven" }),
          put("books", B1, { author_id: A1 }),
        ),
        expect: results(success),
      },
    ],
    leaves: {
      authors: [{ uuid: A1, name: "Ursula K. Le Guin" }],
      books: [{ uuid: B1, title: "The Lathe of Heaven", author: number }],
    },
  },
  {
    id: "K-611",
    level: "MUST",
    title: "refuses a reference to a row that is not there, and keeps NULL",
    setting: "skip",
    steps: [
      {
        send: {
          body: upload(
            transaction(put("books", B1, { author_id: A1 })),
            transaction(put("books", B1, { author_id: noUuid })),
            transaction(put("books", B1, { title: "Anonymous", author_id: null })),
          ),
        },
        expect: results(fatal("FOREIGN_KEY_VIOLATION", 0), fatal("INVALID_DATA", 0), success),
      },
    ],
    leaves: { authors: [], books: [{ uuid: B1, title: "Anonymous", author: null }] },
  },
  {
    id: "K-612",
    level: "MUST",
    title: "refuses a value for a key that the database numbers, though it would take one",
    except: { MongoDB: "It numbers nothing." },
    steps: [
      {
        send: send(put("authors", A1, {}), patch("authors", A1, { number: 7 })),
        expect: results(fatal("FORBIDDEN_COLUMN", 1)),
      },
    ],
    leaves: { authors: [] },
  },
];

/** H-5xx: the HTTP request itself. */
import {
  absent,
  type AuditCase,
  refused,
  refusedOrFatal,
  results,
  success,
  there,
  upload,
  withLiterals,
} from "../case.js";

const about = "HTTP";
const body = (...transactions: readonly object[]) => ({ body: upload(...transactions) });

export const requests: readonly AuditCase[] = [
  ...["{not json", "", " ", "{} {}", '{"a":"\\ud8"}', "[1,]"].map((bad, index): AuditCase => ({
    id: `H-${510 + index}`,
    level: 1,
    need: "MUST",
    about,
    title: `refuses a body that is not JSON: ${JSON.stringify(bad)}`,
    mend: 'Answer a body that is not JSON with 400 and { "message": "…" }.',
    steps: () => [{ send: { body: bad }, expect: refused(400) }],
  })),
  {
    id: "H-520",
    level: 1,
    need: "MUST",
    about,
    title: "refuses bytes that are not UTF-8",
    mend: "Decode the body strictly, and answer a body that is not valid UTF-8 with 400.",
    steps: () => [
      {
        send: { body: Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) },
        expect: refused(400),
      },
    ],
  },
  {
    id: "H-525",
    level: 3,
    need: "MUST",
    about,
    title: "does not replace bytes that are not UTF-8 by another character",
    mend: "Decode the body strictly (in JavaScript: TextDecoder with fatal). A value in which bytes are replaced is stored differently from what was meant.",
    steps: (g) => {
      const text = JSON.stringify(upload(g.tx(g.put("a", { code: g.code("A"), note: "§" }))));
      const [before = "", after = ""] = text.split("§");
      const bytes = [...new TextEncoder().encode(before), 0xff, ...new TextEncoder().encode(after)];
      return [
        { send: { body: Uint8Array.from(bytes) }, expect: refused(400) },
        ...absent(g.code("A")),
      ];
    },
  },
  {
    id: "H-526",
    level: 1,
    need: "MUST",
    about,
    title: "accepts JSON whose content type names a charset",
    mend: "Accept `application/json; charset=utf-8` as JSON.",
    steps: (g) => [
      {
        send: {
          ...body(g.tx(g.put("a", { code: g.code("A") }))),
          headers: { "content-type": "application/json; charset=utf-8" },
        },
        expect: results(success),
      },
      ...there(g.code("A")),
    ],
  },
  {
    id: "H-527",
    level: 1,
    need: "MUST",
    about,
    title: "applies nothing of a body whose content type is not JSON",
    mend: "Answer a body with another content type with 415 (or 400). Browsers send text/plain and forms to other sites without a preflight.",
    steps: (g) => {
      const text = JSON.stringify(upload(g.tx(g.put("a", { code: g.code("A") }))));
      return [
        ...["text/plain", "application/x-www-form-urlencoded"].map((type) => ({
          send: { body: text, headers: { "content-type": type } },
          expect: refused(400, 415),
        })),
        ...absent(g.code("A")),
      ];
    },
  },
  {
    id: "H-521",
    level: 3,
    need: "MUST",
    about,
    title: "refuses other content types with 415",
    mend: "Answer a body whose content type is not JSON with 415.",
    steps: (g) =>
      ["text/plain", "application/x-www-form-urlencoded"].map((type) => ({
        send: { ...body(g.tx()), headers: { "content-type": type } },
        expect: refused(415),
      })),
  },
  {
    id: "H-528",
    level: 3,
    need: "MUST",
    about,
    title: "refuses unknown encodings of the body with 415",
    mend: "Answer a Content-Encoding other than gzip and deflate with 415, and a body that does not match its encoding with 400.",
    steps: (g) => [
      {
        send: { ...body(g.tx()), headers: { "content-encoding": "br" } },
        expect: refused(415),
      },
      {
        send: { body: "not gzip", headers: { "content-encoding": "gzip" } },
        expect: refused(400),
      },
    ],
  },
  {
    id: "H-530",
    level: 3,
    need: "SHOULD",
    about,
    title: "sends an x-correlation-id with each answer: the caller's, if there is one",
    mend: "Return the request's x-correlation-id, or an id of your own, and write it to the log.",
    steps: (g) => [
      {
        send: { ...body(g.tx()), headers: { "x-correlation-id": "abc-123" } },
        expect: { ...results(success), headers: { "x-correlation-id": "^abc-123$" } },
      },
      {
        send: { ...body(g.tx()), as: null, headers: { "x-correlation-id": "abc-124" } },
        expect: { ...refused(401), headers: { "x-correlation-id": "^abc-124$" } },
      },
      { send: body(g.tx()), expect: { ...results(success), headers: { "x-correlation-id": "." } } },
    ],
  },
  {
    id: "H-545",
    level: 1,
    need: "MUST",
    about,
    title: "accepts no uploads at other paths or with other methods",
    mend: "Apply an upload only for a POST on the endpoint's own path. Answer other paths and methods with 404 (or 405), never with 200.",
    steps: (g) => {
      const sent = body(g.tx(g.put("a", { code: g.code("A") })));
      return [
        { send: { method: "GET" }, expect: { status: [400, 404, 405] } },
        { send: { ...sent, path: "/other" }, expect: { status: [404, 405] } },
        { send: { ...sent, method: "DELETE", path: "/other" }, expect: { status: [404, 405] } },
        ...absent(g.code("A")),
      ];
    },
  },
  {
    level: 1,
    about,
    need: "MUST",
    id: "H-524",
    title: "survives JSON that is 10,000 levels deep",
    mend: "Limit the depth before or while the body is read, and answer 400, or fatal_error for that transaction. The process must keep running.",
    steps: (g) => {
      const deep = "[".repeat(10_000) + "]".repeat(10_000);
      return [
        { send: { body: deep }, expect: refused(400, 413) },
        {
          send: {
            body: withLiterals(upload(g.tx(g.put("a", { note: "§" }))), { "§": deep }),
          },
          expect: [results(success), ...refusedOrFatal, refused(413)],
        },
        { send: body(g.tx(g.put("b", { code: g.code("B") }))), expect: results(success) },
        ...there(g.code("B")),
      ];
    },
  },
  {
    level: 1,
    about,
    need: "SHOULD",
    id: "H-561",
    heavy: true,
    title: "accepts a transaction of one megabyte",
    mend: "Raise the limit for the body (Express's parser stops at 100 kB). A device that was offline may send much at once, and a 413 blocks its queue forever.",
    steps: (g) => [
      {
        send: body(
          g.tx(
            ...Array.from({ length: 250 }, (_, n) =>
              g.put("a", { code: g.code(`${n}`), note: "x".repeat(4_000) }),
            ),
          ),
        ),
        expect: results(success),
      },
      ...there(g.code("249")),
      ...absent(g.code("0")),
    ],
  },
];

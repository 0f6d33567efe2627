/** H-5xx: the request itself. */
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
    mend: "Decode the body strictly: a byte that is no UTF-8 is 400.",
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
    title: "does not put another character in the place of bytes that are not UTF-8",
    mend: "Decode the body strictly (in JavaScript: TextDecoder with fatal): what would be replaced in a value is stored otherwise than it was meant.",
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
    title: "takes JSON whose content type names its charset",
    mend: "`application/json; charset=utf-8` is JSON.",
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
    title: "applies nothing of a body that is not announced as JSON",
    mend: "A body with another content type is 415 (or 400): browsers send text/plain and forms to other sites without asking.",
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
    mend: "A body whose content type is not JSON is 415.",
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
    title: "refuses encodings of the body that it does not know with 415",
    mend: "A Content-Encoding other than gzip and deflate is 415; a body that is not what its encoding says is 400.",
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
    title: "names each answer, by the caller's own name where it gives one",
    mend: "Send back the request's x-correlation-id, or one of your own, and put it into the log.",
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
    title: "has nothing at other paths and for other methods",
    mend: "Only POST on the endpoint's own path applies an upload. What else comes there is 404 (or 405), never 200.",
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
    mend: "Bound the depth before or while the body is read, and answer 400, or that transaction's fatal_error. The process goes on.",
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
    title: "takes a transaction of one megabyte",
    mend: "Raise the limit of the body (Express' parser stops at 100 kB): a device that has been offline sends what it has, and a 413 comes again for ever.",
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

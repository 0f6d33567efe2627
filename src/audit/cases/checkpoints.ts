/** C-7xx: custom write checkpoints. */
import { type AuditCase, type Expected, type Given, refused, type Send } from "../case.js";

const must = { level: 4, need: "MUST", about: "Checkpoints", features: ["checkpoints"] } as const;

const next = (client_id: unknown, more: Send = {}): Send => ({
  method: "PUT",
  path: "/checkpoint",
  body: { client_id },
  ...more,
});
const ask = (client_id: unknown, checkpoint_request_id: unknown, more: Send = {}): Send => ({
  path: "/checkpoint-request",
  body: { client_id, checkpoint_request_id },
  ...more,
});
const askInText = (g: Given, id: string): Send =>
  ask("", "", {
    body: `{"client_id":${JSON.stringify(g.device("phone"))},"checkpoint_request_id":${id}}`,
  });
const numbered = (checkpoint: string): Expected => ({ status: 200, body: { checkpoint } });
const recorded = (checkpoint_request_id: string): Expected => ({
  status: 200,
  body: { checkpoint_request_id },
});

const largest = "9223372036854775807";

export const checkpoints: readonly AuditCase[] = [
  {
    ...must,
    id: "C-700",
    title: "counts the checkpoints of each device of a user, from 1",
    mend: "Keep a number for each user and client_id, which is compared byte by byte, and answer PUT {url}/checkpoint with the next number as digits.",
    steps: (g) => {
      const phone = g.device("phone");
      return [
        { send: next(phone), expect: numbered("1") },
        { send: next(phone), expect: numbered("2") },
        { send: next(g.device("tablet")), expect: numbered("1") },
        { send: next(phone.toUpperCase()), expect: numbered("1") },
        { send: next(`${phone} `), expect: numbered("1") },
        { send: next(g.device("phöne")), expect: numbered("1") },
        { send: next(phone), expect: numbered("3") },
      ];
    },
  },
  {
    ...must,
    id: "C-704",
    title: "counts the checkpoints of each user separately",
    mend: "Keep the number by user and device. A client_id is not a secret.",
    steps: (g) => [
      { send: next(g.device("phone")), expect: numbered("1") },
      { send: next(g.device("phone"), { as: "other" }), expect: numbered("1") },
      { send: ask(g.device("phone"), "9"), expect: recorded("9") },
      { send: ask(g.device("phone"), "2", { as: "other" }), expect: recorded("2") },
    ],
  },
  {
    ...must,
    id: "C-701",
    title: "keeps the greatest checkpoint request of each device",
    mend: "Keep the greater of the stored number and the one that was sent. Compare them as numbers, in one statement.",
    steps: (g) => {
      const phone = g.device("phone");
      return [
        { send: ask(phone, "41"), expect: recorded("41") },
        { send: ask(phone, "41"), expect: recorded("41") },
        { send: ask(phone, "7"), expect: recorded("41") },
        { send: ask(phone, 42), expect: recorded("42") },
        { send: ask(phone, "100"), expect: recorded("100") },
        { send: ask(phone, "99"), expect: recorded("100") },
        { send: ask(g.device("tablet"), "1"), expect: recorded("1") },
        { send: ask(g.device("new"), 0), expect: recorded("0") },
      ];
    },
  },
  {
    ...must,
    id: "C-702",
    title: "keeps all digits of a checkpoint request, up to 64 bits",
    mend: "Read and write the number as digits or as a 64-bit integer, never as a double. Answer a number above 9223372036854775807 with 400.",
    steps: (g) => {
      const phone = g.device("phone");
      return [
        { send: askInText(g, "9007199254740993"), expect: recorded("9007199254740993") },
        { send: ask(phone, "9007199254740992"), expect: recorded("9007199254740993") },
        { send: next(phone), expect: numbered("9007199254740994") },
        { send: ask(phone, "9007199254740995"), expect: recorded("9007199254740995") },
        { send: ask(phone, "0000000000000000042"), expect: recorded("9007199254740995") },
        { send: ask(phone, largest), expect: recorded(largest) },
        { send: ask(phone, "9223372036854775806"), expect: recorded(largest) },
        { send: next(phone), expect: numbered(largest) },
        { send: ask(phone, "9223372036854775808"), expect: refused(400) },
        { send: askInText(g, "9223372036854775808"), expect: refused(400) },
        { send: ask(phone, "1"), expect: recorded(largest) },
      ];
    },
  },
  {
    ...must,
    id: "C-703",
    title: "continues from the client's own checkpoint request",
    mend: "Share one number for each device between the two routes.",
    steps: (g) => {
      const phone = g.device("phone");
      return [
        { send: next(phone), expect: numbered("1") },
        { send: ask(phone, "5"), expect: recorded("5") },
        { send: next(phone), expect: numbered("6") },
        { send: ask(phone, "6"), expect: recorded("6") },
      ];
    },
  },
  {
    ...must,
    id: "C-710",
    title: "refuses checkpoint requests that are not 64-bit integers",
    mend: "Accept digits, or an integer from 0, as checkpoint_request_id. Answer anything else with 400.",
    steps: (g) => [
      ...[
        "-1",
        "-9223372036854775808",
        "1.5",
        "1e400",
        "123456789012345678901234567890",
        '""',
        '" 1"',
        '"1.0"',
        '"1e3"',
        '"-1"',
        '"0x10"',
        '"NaN"',
        '"123456789012345678901234567890"',
        "null",
        "true",
        "[1]",
        "{}",
      ].map((bad) => ({ send: askInText(g, bad), expect: refused(400) })),
      { send: ask(g.device("phone"), undefined), expect: refused(400) },
      { send: ask(g.device("phone"), "1"), expect: recorded("1") },
    ],
  },
  {
    ...must,
    id: "C-711",
    title: "refuses client ids that can't be stored",
    mend: "Accept a client_id of 1 to 255 characters that can be stored. Answer anything else with 400.",
    steps: () =>
      [undefined, null, "", 7, ["phone"], "x".repeat(256), "a\0b", "a\ud800b"].flatMap((bad) => [
        { send: next(bad), expect: refused(400) },
        { send: ask(bad, "1"), expect: refused(400) },
      ]),
  },
  {
    ...must,
    id: "C-720",
    title: "accepts client ids of 255 characters of any kind",
    mend: "Accept any text as client_id. Bind it as a parameter, and give its column room for 255 characters beyond 16 bits.",
    steps: (g) => {
      const [mark = ""] = g.device("").split(" ");
      const emoji = `${mark}${"📱".repeat(100)}`;
      return [
        { send: next(mark.padEnd(255, "x")), expect: numbered("1") },
        { send: next(`${mark}'; drop table checkpoints; --`), expect: numbered("1") },
        { send: next(emoji), expect: numbered("1") },
        { send: next(emoji), expect: numbered("2") },
      ];
    },
  },
  {
    ...must,
    id: "C-721",
    title: "verifies the credential before it reads the body of a checkpoint request",
    mend: "Verify the credential first, on every route that requires one.",
    steps: (g) => [
      { send: next("phone", { as: null, body: "{" }), expect: refused(401) },
      { send: ask("phone", "1", { as: null, body: "{" }), expect: refused(401) },
      { send: next("phone", { body: "{" }), expect: refused(400) },
      { send: next("phone", { body: "[]" }), expect: refused(400) },
      { send: next("phone", { headers: { "content-type": "text/plain" } }), expect: refused(415) },
      { send: next(g.device("phone")), expect: numbered("1") },
    ],
  },
  {
    ...must,
    id: "C-722",
    title: "accepts no other methods on the checkpoint routes",
    mend: "Accept only PUT on /checkpoint and POST on /checkpoint-request. Answer other methods with 404 (or 405).",
    steps: () => [
      { send: next("phone", { method: "POST" }), expect: { status: [404, 405] } },
      { send: ask("phone", "1", { method: "PUT" }), expect: { status: [404, 405] } },
      { send: { method: "GET", path: "/checkpoint" }, expect: { status: [404, 405] } },
    ],
  },
];

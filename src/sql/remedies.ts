/** Remedies for failures of the connection to any database, by code or by the pool's message. */

const byCode: ReadonlyMap<string, string> = new Map(
  (
    [
      [
        ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ETIMEDOUT"],
        "check host and port of the database's URL, and that it runs and can be reached from here",
      ],
      [
        ["28P01", "28000", "ER_ACCESS_DENIED_ERROR", "ER_ACCESS_DENIED_NO_PASSWORD_ERROR"],
        "check user and password of the database's URL, and that the pool gets this URL",
      ],
      [["3D000", "ER_BAD_DB_ERROR"], "create the database that the URL names, or correct its name"],
      [
        ["53300", "ER_CON_COUNT_ERROR", "ER_TOO_MANY_USER_CONNECTIONS"],
        "make the pools of all processes together smaller than what the server takes (max_connections)",
      ],
      [
        ["25006", "ER_OPTION_PREVENTS_STATEMENT", "ER_READ_ONLY_MODE", "SQLITE_READONLY"],
        "give the library the primary, in a session that may write: this one is read-only",
      ],
      [
        [
          "SELF_SIGNED_CERT_IN_CHAIN",
          "DEPTH_ZERO_SELF_SIGNED_CERT",
          "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        ],
        "give the pool the server's certificate authority (ssl: { ca })",
      ],
    ] as const
  ).flatMap(([codes, remedy]) => codes.map((code) => [code, remedy] as const)),
);

const ofPool =
  "no connection of the pool came free in time: await everything that hooks send, send it through `tx` and not through another connection of the pool, and keep limits.concurrentTransactions at the pool's size";

const byMessage: readonly (readonly [RegExp, string])[] = [
  [/^timeout exceeded when trying to connect$|^Queue limit reached\.$/, ofPool],
  [
    /^Cannot use a pool after calling end on the pool$|^Pool is closed\.$|driver has already been destroyed/,
    "stop the server and drain the writes before the database is closed",
  ],
  [
    /client password must be a (?:non-empty )?string/,
    "give a password in the database's URL, and check that the pool gets this URL",
  ],
  [/^The server does not support SSL connections$/, "leave `ssl` out of the pool's options"],
];

export function remedyOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return byCode.get(code) ?? byMessage.find(([said]) => said.test(error.message))?.[1];
}

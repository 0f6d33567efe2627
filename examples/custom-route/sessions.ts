/** The application's own authentication: the user of each session. */
const sessions = new Map([
  ["session-of-alice", "alice"],
  ["session-of-bob", "bob"],
]);

export function userOf(cookie: string | undefined): string | undefined {
  return sessions.get(/(?:^|; )session=([^;]+)/.exec(cookie ?? "")?.[1] ?? "");
}

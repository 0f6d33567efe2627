/**
 * The other users, in a process of their own, so that the attack's own work does not slow them: `abuse-others.ts URL`. Twenty users take turns with
 * a small PUT every 50 ms, on a new connection and whatever has become of those before. Told so by any message, it stops and tells its samples.
 */
import { putOf, send } from "./requests.js";
import type { Sample } from "./processes.js";

const url = process.argv[2] ?? "";
const users = 20;
const everyMs = 50;
/** For what is still waited for at the end. */
const graceMs = 5_000;

const samples: Promise<Sample>[] = [];
const leaving = new AbortController();
let number = 0;
const timer = setInterval(() => {
  number += 1;
  const user = `other${number % users}`;
  samples.push(send(url, { user, body: putOf(user, user, number), signal: leaving.signal }));
}, everyMs);

process.on("message", () => {
  clearInterval(timer);
  const late = setTimeout(() => leaving.abort(), graceMs);
  void Promise.all(samples).then((all) => {
    clearTimeout(late);
    process.send?.(all);
  });
});
process.on("disconnect", () => process.exit());
process.send?.("ready");

/**
 * Divides long work into time slices, so that the process answers other requests in between. Awaiting a promise alone does not yield to them. The slice is
 * shared by the whole process, like its event loop: long work of many requests at once blocks a turn for no longer than the work of one.
 */

/** Far below the 50 ms for which one request may block the event loop, because a longer step can begin at the end of a slice. */
const sliceMs = 5;

/** Work that continues in a later turn, in order of arrival. */
const line: (() => void)[] = [];
let began = 0;
let ends = 0;
let turning = false;

/** On Cloudflare Workers, a request's timers end with the request. Other requests wait for such a lost timer for at most this long. */
const lostMs = 500;

function begin(): void {
  began = performance.now();
  ends = began + sliceMs;
  turning = true;
  setTimeout(turn, 0);
}

function turn(): void {
  const next = line.shift();
  turning = false;
  if (next === undefined) return;
  begin();
  next();
}

/** In a long loop of short steps, the clock is read once in this many steps. */
export const stepsOfLook = 128;

/** Whether the slice of this turn is used up, by any request. To be called between short steps. */
export function isSliceOver(): boolean {
  if (!turning) {
    begin();
    return false;
  }
  const now = performance.now();
  const isOver = now >= ends;
  // Its timer is lost, or a single step took that long.
  if (now - began > lostMs) begin();
  return isOver;
}

/** Resolves in a later turn, after the work that has been waiting longer. */
export function nextSlice(): Promise<void> {
  if (!turning) begin();
  return new Promise((resolve) => {
    const goOn = () => {
      clearTimeout(lost);
      resolve();
    };
    const lost = setTimeout(() => {
      line.splice(line.indexOf(goOn), 1);
      begin();
      resolve();
    }, lostMs);
    line.push(goOn);
  });
}

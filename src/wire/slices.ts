/**
 * Long work in slices, so that the process answers others in between: awaiting a promise alone does not let them in. The event loop is one for the
 * whole process, and so is the slice of its turn: long work of many requests at once takes no more of a turn than that of one.
 */

/** Shorter than the 50 ms that one request may take of a turn, since a part that is not short can begin at its end. */
const sliceMs = 5;

/** Those whose work goes on in a later turn, in the order in which they came. */
const line: (() => void)[] = [];
let began = 0;
let ends = 0;
let turning = false;

/** On Cloudflare Workers a request's end takes its timers along: nobody else waits for one of those for longer than this. */
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

/** In a long loop of short steps the clock is looked at once in so many. */
export const stepsOfLook = 128;

/** Whether the slice of this turn has been used up, by whomever. To be asked between parts that are short themselves. */
export function isSliceOver(): boolean {
  const now = performance.now();
  if (turning && now - began <= lostMs) return now >= ends;
  begin();
  return false;
}

/** Resolves when the others have had their turn. */
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

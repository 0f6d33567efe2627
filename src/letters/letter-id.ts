/** Ids that sort by time, also of letters recorded within one millisecond: what a client did first comes first. */

/** The next id: a uuid of version 7, greater than all before it from here. */
export type NextId = () => string;

export function createNextId(now: () => number = Date.now): NextId {
  let last = 0;
  let count = 0;
  return () => {
    const ms = Math.max(now(), last);
    count = ms > last ? Math.floor(Math.random() * 0x400) : count + 1;
    last = ms;
    if (count > 0xfff) {
      last += 1;
      count = 0;
    }
    const time = last.toString(16).padStart(12, "0");
    const [, , , variant, random] = crypto.randomUUID().split("-");
    const counted = count.toString(16).padStart(3, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counted}-${variant}-${random}`;
  };
}

/** How much of what is random or a product of lists a run tries: `npm run test:long` sets `LONG=1`, and tries all of it. */
export const long = process.env["LONG"] === "1";

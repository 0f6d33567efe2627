/** A Next.js route handler: `app/api/data/route.ts`. */
import { powersyncWrites } from "../../adapters/fetch.js";
import { configFor } from "./config.js";

export const runtime = "nodejs";

export const POST = powersyncWrites(configFor(process.env));

// For older demo clients, which send one operation per request, by its method.
export { POST as PUT, POST as PATCH, POST as DELETE };

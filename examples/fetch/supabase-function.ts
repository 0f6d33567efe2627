/** A Supabase Edge Function, on Deno: `supabase/functions/upload/index.ts`, with `verify_jwt = false`, because the handler verifies tokens itself. */
import { powersyncWrites } from "../../adapters/fetch.js";
import { configFor } from "./config.js";

declare const Deno: {
  readonly env: { get(name: string): string | undefined };
  serve(handler: (request: Request) => Promise<Response>): unknown;
};

const DATABASE_URL = Deno.env.get("SUPABASE_DB_URL");
const JWKS_URL = Deno.env.get("JWKS_URL");
Deno.serve(powersyncWrites(configFor({ DATABASE_URL, JWKS_URL })));

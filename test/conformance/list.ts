/** Every case, for whoever runs them. */
import type { Case } from "./case.js";
import { checkpoints } from "./cases/checkpoints.js";
import { http } from "./cases/http.js";
import { keys } from "./cases/keys.js";
import { ledger } from "./cases/ledger.js";
import { scope } from "./cases/scope.js";
import { uploads } from "./cases/uploads.js";
import { writing } from "./cases/writing.js";

export const cases: readonly Case[] = [
  ...uploads,
  ...writing,
  ...scope,
  ...keys,
  ...ledger,
  ...http,
  ...checkpoints,
];

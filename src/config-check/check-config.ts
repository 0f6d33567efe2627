/** Refuses a configuration that says something else than was meant, before anybody is answered by it. */
import type { WritesConfig } from "../config.js";
import type { Principal } from "../context.js";
import type { TableRule } from "../pipeline/table-rule.js";
import { checkKind } from "./kinds.js";
import { config as configKind } from "./config-shape.js";

/** @throws TypeError that names the option and says what to write */
export function checkConfig<P extends Principal, DB>(config: WritesConfig<P, DB>): void {
  if (!configKind.fits(config)) {
    throw new TypeError(`The configuration must be ${configKind.words}.`);
  }
  checkKind(configKind, config, "");
  const judged = config.rls !== undefined || config.authorize !== undefined;
  for (const [name, rule] of Object.entries(config.tables)) checkAccess(name, rule, judged);
}

/** @param judged `rls` or a global `authorize` says who may write */
function checkAccess<P extends Principal, DB>(
  name: string,
  { owner, scope, belongsTo = {}, authorize, access, operations }: TableRule<P, DB>,
  judged: boolean,
): void {
  const scopes = Object.entries({ owner, scope, ...(hasKeys(belongsTo) && { belongsTo }) });
  const said = scopes.filter(([, value]) => value !== undefined).map(([option]) => option);
  if (access === "everyone" && said.length > 0) {
    throw new TypeError(
      `tables.${name} says access: "everyone" and ${said.join(", ")}. Write one or the other.`,
    );
  }
  const writable = operations === undefined || operations.length > 0;
  if (judged || !writable || said.length > 0 || (authorize ?? access) !== undefined) return;
  throw new TypeError(
    `tables.${name} does not say who may write it. Write \`owner\`, \`scope\`, \`belongsTo\` or \`authorize\`; ` +
      'or access: "everyone", if every caller that `authenticate` lets in may write every row.',
  );
}

function hasKeys(value: object): boolean {
  return Object.keys(value).length > 0;
}

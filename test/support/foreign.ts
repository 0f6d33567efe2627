/** Write endpoints in other languages, as processes of their own, with tokens that they all understand. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { SignJWT } from "jose";
import { auditSql } from "../../src/audit/index.js";

const secret = "a secret of these tests alone, 32 bytes or more";

export const tokenOf = (sub: string): Promise<string> =>
  new SignJWT({ sub })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(secret));

export interface Foreign {
  readonly url: string;
  stop(): Promise<void>;
}

/** @param command a program that prints its port as its first line */
export async function startForeign(command: string, args: readonly string[]): Promise<Foreign> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, SECRET: secret, AUDIT_SQL: auditSql("sqlite") },
  });
  const ended = once(child, "exit");
  const lines = createInterface(child.stdout);
  const port = await Promise.race([
    once(lines, "line").then(([line]) => String(line)),
    ended.then(() => undefined),
  ]);
  if (port === undefined || !/^\d+$/.test(port))
    throw new Error(`${command} ${args.join(" ")} did not start.`);
  return {
    url: `http://127.0.0.1:${port}/api/data`,
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

/** Whether a program is there. */
export async function hasProgram(command: string, ...args: readonly string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: "ignore" });
  return new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}

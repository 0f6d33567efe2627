/** Starts devices in processes of their own, and kills them. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { UploadDeviceOptions } from "./upload-device.js";

export interface DeviceProcess {
  /** Resolves to whether it said that its queue is empty. */
  readonly ended: Promise<boolean>;
  /** SIGKILL: nothing in it gets to finish. */
  kill(): void;
}

export interface DeviceProgram {
  start(options: UploadDeviceOptions): DeviceProcess;
  remove(): void;
}

/** Bundled once: it starts much faster than through tsx, and dozens are started. */
export async function buildDevice(): Promise<DeviceProgram> {
  // Where it finds the packages that it leaves outside.
  const file = fileURLToPath(
    new URL(`../../node_modules/.cache/upload-device-${process.pid}.mjs`, import.meta.url),
  );
  await build({
    entryPoints: [fileURLToPath(new URL("upload-device.ts", import.meta.url))],
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    outfile: file,
  });
  return {
    start(options) {
      const child = fork(file, [JSON.stringify(options)], {
        execArgv: [],
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      let empty = false;
      child.on("message", (said) => {
        empty ||= said === "empty";
      });
      return {
        ended: once(child, "exit").then(() => empty),
        kill: () => child.kill("SIGKILL"),
      };
    },
    remove: () => rmSync(file, { force: true }),
  };
}

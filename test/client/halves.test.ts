/** The connector in two halves, as the SDKs are coming to take it: an uploader that needs no PowerSync service and can be aborted, and an authenticator. */
import type { PowerSyncDatabase } from "@powersync/node";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  type FatalFailure,
  powersyncAuthenticator,
  powersyncUploader,
  type UploadDatabase,
  type UploaderOptions,
} from "../../src/client/index.js";
import { addLists, createDevices, queued } from "../support/device.js";
import {
  fatal,
  results,
  type ScriptedServer,
  startScriptedServer,
} from "../support/scripted-server.js";
import { until } from "../support/uploads.js";

const devices = createDevices();
let database: PowerSyncDatabase;
let server: ScriptedServer;

beforeAll(async () => {
  database = await devices.open();
});
afterEach(async () => {
  await server?.close();
  await database.disconnectAndClear();
});
afterAll(() => devices.remove());

/** What no test here is about is unset: an uploader has no PowerSync service. */
async function uploaderOf(
  script: Parameters<typeof startScriptedServer>[0] = [],
  options: Partial<UploaderOptions> = {},
  other?: Parameters<typeof startScriptedServer>[1],
) {
  server = await startScriptedServer(script, other);
  return powersyncUploader({ url: server.url, getToken: () => "token", ...options });
}

const aborted = { name: "UploadError", code: "ABORTED" };
const never = () => new Promise<never>(() => undefined);
const requests = (count: number) => until(() => server.requests.length === count);
const pending = async () => (await queued(database)).length;

describe("an uploader", () => {
  it("uploads with an endpoint and a token alone, and asks nobody else", async () => {
    const uploader = await uploaderOf();
    await addLists(database, ["a", "b"]);
    await uploader.uploadMutations({ database });
    expect(await pending()).toBe(0);
    expect(uploader.status).toEqual({ uploading: false, pending: 0, rejected: 0 });
    expect(server.others.map(({ url }) => url)).toEqual(["/api/data/limits"]);
  });

  it("keeps what is rejected, to be sent again or discarded", async () => {
    const uploader = await uploaderOf([results(fatal("CHECK_VIOLATION"))], {
      deadLetters: { table: "rejected_writes" },
    });
    await addLists(database, ["a"]);
    await uploader.uploadMutations({ database });
    const [rejected] = await uploader.rejected(database);
    expect(rejected?.failure.code).toBe("CHECK_VIOLATION");
    await uploader.resend(database, rejected?.id ?? "");
    await uploader.uploadMutations({ database });
    expect([await pending(), await uploader.rejected(database)]).toEqual([0, []]);
  });
});

describe("an abort", () => {
  it("ends the request; nothing leaves the queue, and the next upload sends the same again", async () => {
    const signals: AbortSignal[] = [];
    const uploader = await uploaderOf(["hang"], {
      fetch: (url, init) => {
        signals.push(init.signal);
        return fetch(url, init);
      },
    });
    await addLists(database, ["a"]);
    const before = await queued(database);
    const controller = new AbortController();
    const upload = uploader.uploadMutations({ database, abort: controller.signal });
    await requests(1);
    expect(signals.map((signal) => signal.aborted)).toEqual([false]);
    controller.abort();
    await expect(upload).rejects.toMatchObject(aborted);
    expect(signals.map((signal) => signal.aborted)).toEqual([true]);
    expect(await queued(database)).toEqual(before);
    expect(uploader.status).toEqual({ uploading: false, pending: 1, rejected: 0 });

    await uploader.uploadMutations({ database });
    expect(await pending()).toBe(0);
    expect(server.requests[1]?.body).toEqual(server.requests[0]?.body);
  });

  it("before the upload begins has nothing sent", async () => {
    const uploader = await uploaderOf();
    await addLists(database, ["a"]);
    const upload = uploader.uploadMutations({ database, abort: AbortSignal.abort() });
    await expect(upload).rejects.toMatchObject(aborted);
    expect([await pending(), server.requests]).toEqual([1, []]);
  });

  it("ends the wait for the server's Retry-After, and the next upload waits for the rest", async () => {
    const uploader = await uploaderOf([{ status: 503, headers: { "retry-after": "200" } }]);
    await addLists(database, ["a"]);
    const controller = new AbortController();
    const upload = uploader.uploadMutations({ database, abort: controller.signal });
    await until(() => uploader.status.error !== undefined);
    controller.abort();
    // After the whole wait it would be UNAVAILABLE.
    await expect(upload).rejects.toMatchObject(aborted);
    const next = uploader.uploadMutations({ database, abort: AbortSignal.timeout(50) });
    await expect(next).rejects.toMatchObject(aborted);
    expect([await pending(), server.requests.length]).toEqual([1, 1]);
  });

  it.each(["getToken", "onUserChanged"] as const)("does not wait for %s", async (callback) => {
    let users = 0;
    const uploader = await uploaderOf([{ status: 503 }], {
      subject: () => `user ${(users += 1)}`,
    });
    await addLists(database, ["a"]);
    // The queue belongs to the first user from now on.
    await expect(uploader.uploadMutations({ database })).rejects.toThrow("503");
    let asked = false;
    const stuck = powersyncUploader({
      url: server.url,
      getToken: () => "token",
      subject: () => "another user",
      [callback]: () => {
        asked = true;
        return never();
      },
    });
    const controller = new AbortController();
    const upload = stuck.uploadMutations({ database, abort: controller.signal });
    await until(() => asked);
    controller.abort();
    await expect(upload).rejects.toMatchObject(aborted);
    expect([await pending(), server.requests.length]).toEqual([1, 1]);
  });

  it("does not wait for the limits, which the next upload asks for", async () => {
    let calls = 0;
    const uploader = await uploaderOf([], {}, () => {
      calls += 1;
      return calls === 1 ? "hang" : { body: { limits: { transactions: 1 } } };
    });
    await addLists(database, ["a", "b"]);
    const controller = new AbortController();
    const upload = uploader.uploadMutations({ database, abort: controller.signal });
    await until(() => calls === 1);
    controller.abort();
    await expect(upload).rejects.toMatchObject(aborted);
    await uploader.uploadMutations({ database });
    expect([await pending(), server.requests.length]).toEqual([0, 2]);
  });

  it("leaves a rejected transaction in the queue that the app has been asked about, whatever it says later", async () => {
    const asked: FatalFailure[] = [];
    let answer: (decision: "complete") => void = () => undefined;
    const uploader = await uploaderOf(
      [results({ status: "success" }, fatal("CONFLICT", true)), results(fatal("CONFLICT", true))],
      {
        onFatalTransaction: (failure) => {
          asked.push(failure);
          if (asked.length > 1) return "retain";
          return new Promise((resolve) => {
            answer = resolve;
          });
        },
      },
    );
    await addLists(database, ["a", "b"]);
    const [, second] = await queued(database);
    const controller = new AbortController();
    const upload = uploader.uploadMutations({ database, abort: controller.signal });
    await until(() => asked.length === 1);
    controller.abort();
    await expect(upload).rejects.toMatchObject(aborted);
    answer("complete");
    // What the server had accepted before it left the queue before the abort.
    expect(await queued(database)).toEqual([second]);
    await expect(uploader.uploadMutations({ database })).rejects.toMatchObject({
      code: "RETAINED",
    });
    expect(await queued(database)).toEqual([second]);
    // An abort is no decision, so it does not count as one.
    const handling = server.requests.map(({ body }) => body.transactions.at(-1)?.handling);
    expect([asked.length, handling]).toEqual([2, [0, 0]]);
  });

  it("between the answer and the queue has nothing leave it, and what was kept of it is forgotten", async () => {
    const uploader = await uploaderOf([results(fatal("CHECK_VIOLATION"))], {
      deadLetters: { table: "rejected_writes" },
    });
    await addLists(database, ["a"]);
    const controller = new AbortController();
    const aborting: UploadDatabase = {
      getClientId: () => database.getClientId(),
      getCrudBatch: (limit) => database.getCrudBatch(limit),
      getAll: (query, parameters) => database.getAll(query, parameters),
      writeTransaction: (callback) => database.writeTransaction(callback),
      execute: async (query, parameters) => {
        await database.execute(query, parameters);
        if (query.includes("rejected_writes")) controller.abort();
      },
    };
    const upload = uploader.uploadMutations({ database: aborting, abort: controller.signal });
    await expect(upload).rejects.toMatchObject(aborted);
    expect([await pending(), (await uploader.rejected(database)).length]).toEqual([1, 1]);
    await uploader.uploadMutations({ database });
    expect([await pending(), (await uploader.rejected(database)).length]).toEqual([0, 0]);
  });

  it("of one caller does not end the upload of another", async () => {
    const uploader = await uploaderOf(["hang"]);
    await addLists(database, ["a"]);
    const [first, second, third] = [1, 2, 3].map(() => new AbortController());
    const begun = uploader.uploadMutations({ database, abort: first?.signal });
    const joined = uploader.uploadMutations({ database, abort: second?.signal });
    const left = uploader.uploadMutations({ database, abort: third?.signal });
    await requests(1);
    third?.abort();
    await expect(left).rejects.toMatchObject(aborted);
    expect(uploader.status.uploading).toBe(true);
    first?.abort();
    await expect(begun).rejects.toMatchObject(aborted);
    await joined;
    expect([await pending(), server.requests.length]).toEqual([0, 2]);
  });
});

describe("an authenticator", () => {
  /** @param seconds until it expires */
  const tokenOf = (seconds: number) => {
    const claims = { sub: "alice", exp: Math.floor(Date.now() / 1000) + seconds };
    return `.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.`;
  };

  /** @param tokens one after the other; the last one again and again */
  function authenticatorOf(...tokens: readonly (string | null | Error)[]) {
    const asked: boolean[] = [];
    const authenticator = powersyncAuthenticator({
      getToken: ({ refresh }) => {
        asked.push(refresh);
        const token = tokens[Math.min(asked.length, tokens.length) - 1] ?? null;
        if (token instanceof Error) throw token;
        return token;
      },
    });
    return { authenticator, asked };
  }

  it("gives the app's token, as often as it is asked for it", async () => {
    const { authenticator, asked } = authenticatorOf("token");
    expect(await authenticator.resolveCredentials({})).toBe("token");
    expect(await authenticator.resolveCredentials()).toBe("token");
    expect(asked).toEqual([false, false]);
  });

  it("asks for a new one after a refusal, until there is one", async () => {
    const { authenticator, asked } = authenticatorOf("old", new Error("offline"), "new");
    await authenticator.resolveCredentials();
    authenticator.invalidateCredentials();
    await expect(authenticator.resolveCredentials()).rejects.toMatchObject({
      code: "TOKEN_UNAVAILABLE",
    });
    expect(await authenticator.resolveCredentials()).toBe("new");
    await authenticator.resolveCredentials();
    expect(asked).toEqual([false, true, true, false]);
  });

  it("asks for a new one in the place of one that has expired", async () => {
    const [expired, fresh] = [tokenOf(-1), tokenOf(60)];
    const { authenticator, asked } = authenticatorOf(expired, fresh);
    expect(await authenticator.resolveCredentials()).toBe(fresh);
    expect(asked).toEqual([false, true]);
  });

  it("says where nobody is signed in", async () => {
    const { authenticator } = authenticatorOf(null);
    await expect(authenticator.resolveCredentials()).rejects.toMatchObject({ code: "SIGNED_OUT" });
  });

  it("does not wait for the app after the abort", async () => {
    const authenticator = powersyncAuthenticator({ getToken: never });
    const abort = AbortSignal.timeout(10);
    await expect(authenticator.resolveCredentials({ abort })).rejects.toMatchObject(aborted);
  });

  it("requests checkpoints only where it is told to, and ends the request with the signal", async () => {
    server = await startScriptedServer([], ({ url }) =>
      url.endsWith("checkpoint-request") && server.others.length === 1
        ? { body: { checkpoint_request_id: "7" } }
        : "hang",
    );
    const options = { url: server.url, getToken: () => "token" };
    expect(powersyncAuthenticator(options)).not.toHaveProperty("postCheckpointRequest");
    const authenticator = powersyncAuthenticator({ ...options, checkpointRequests: true });
    expect(await authenticator.postCheckpointRequest?.("client", "5")).toBe("7");
    const controller = new AbortController();
    const request = authenticator.postCheckpointRequest?.("client", "6", controller.signal);
    await until(() => server.others.length === 2);
    controller.abort();
    await expect(request).rejects.toMatchObject(aborted);
  });
});

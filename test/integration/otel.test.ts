/** Traces and metrics of `powersync-writes/otel`, by OpenTelemetry's own SDK in memory; and the board in `docs/grafana.json`, held against the metrics that there are. */
import { readFile } from "node:fs/promises";
import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import {
  TracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createWrites,
  fatal,
  type Principal,
  retryable,
  type WritesConfig,
} from "../../src/index.js";
import { otel, type OtelOptions } from "../../src/events/otel/index.js";
import { betterSqlite3, postgres, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";
import { testConfig } from "../support/writes.js";

type Config = WritesConfig<Principal, TestSchema>;

const traceId = "0af7651916cd43dd8448eb211c80319c";
const callerId = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${callerId}-01`;
const put = (id: string, data: object = {}) => ({ op: "PUT", table: "lists", id, op_data: data });
const first = "11111111-1111-4111-8111-111111111111";
const second = "22222222-2222-4222-8222-222222222222";

for (const dialect of [betterSqlite3, postgres]) {
  describe.skipIf(!(await dialect.available()))(dialect.name, () => {
    let database: TestDatabase;
    let spans: InMemorySpanExporter;
    let exporter: PrometheusExporter;
    let meterProvider: MeterProvider;
    let tracerProvider: TracerProvider;

    beforeAll(async () => {
      database = await dialect.open();
    });
    beforeEach(async () => {
      await database.reset();
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
      spans = new InMemorySpanExporter();
      tracerProvider = new TracerProvider({
        spanProcessors: [new SimpleSpanProcessor({ exporter: spans })],
      });
      exporter = new PrometheusExporter({ preventServerStart: true });
      meterProvider = new MeterProvider({ readers: [exporter] });
    });
    afterEach(async () => {
      context.disable();
      await tracerProvider.shutdown();
      await meterProvider.shutdown();
    });
    afterAll(() => database.close());

    const writesWith = (config: Partial<Config> = {}, options: OtelOptions = {}) =>
      createWrites<Principal, TestSchema>({
        ...(testConfig(database.db) as unknown as Config),
        logger: false,
        ...config,
        telemetry: otel({ tracerProvider, meterProvider, ...options }),
      });
    const send = (
      writes: ReturnType<typeof writesWith>,
      transactions: readonly (readonly object[])[],
      headers: Readonly<Record<string, string>> = { traceparent },
    ) =>
      writes.handle({
        method: "POST",
        url: "/api/data?x=1",
        headers: new Headers({
          authorization: "Bearer alice",
          "content-type": "application/json",
          ...headers,
        }),
        body: async () => ({
          client_id: "d",
          transactions: transactions.map((crud, index) => ({ transaction_id: index + 1, crud })),
        }),
        signal: new AbortController().signal,
      });
    const named = (name: string): readonly ReadableSpan[] =>
      spans.getFinishedSpans().filter((span) => span.name === name);
    const transactionSpans = () => named("powersync transaction");
    const texts = (span: ReadableSpan | undefined) =>
      span?.events.flatMap(({ name, attributes }) =>
        name === "statement" ? [String(attributes?.["db.query.text"])] : [],
      ) ?? [];
    const metrics = async () => {
      const { resourceMetrics } = await exporter.collect();
      return new PrometheusSerializer().serialize(resourceMetrics);
    };
    const sample = async (start: string) =>
      (await metrics())
        .split("\n")
        .filter((line) => line.startsWith(start))
        .map((line) => line.replace(/,?otel_scope_\w+="[^"]*"/g, ""));

    it("a request is a span under its caller's, and holds its transactions with their statements", async () => {
      const writes = writesWith();
      expect((await send(writes, [[put(first)], [put(second)]])).status).toBe(200);
      const [request] = named("powersync upload POST");
      expect(request).toMatchObject({
        kind: SpanKind.SERVER,
        parentSpanContext: { traceId, spanId: callerId, isRemote: true },
        attributes: {
          "http.request.method": "POST",
          "http.response.status_code": 200,
          "url.path": "/api/data",
          "powersync_writes.correlation_id": expect.any(String),
        },
        status: { code: SpanStatusCode.UNSET },
      });
      expect(transactionSpans()).toHaveLength(2);
      for (const span of transactionSpans()) {
        expect(span.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
        expect(span.attributes).toMatchObject({
          "powersync_writes.result": "success",
          "powersync_writes.operations": 1,
          "powersync_writes.ledger": "miss",
        });
        // Texts without values.
        expect(texts(span).some((text) => /insert into "lists"/i.test(text))).toBe(true);
        expect(texts(span).join()).not.toContain(first);
        expect(texts(span).join()).not.toContain("alice");
      }
      // Behind the first, the database is known.
      const flown = transactionSpans().at(-1);
      expect(flown?.attributes["powersync_writes.flown"]).toBe(dialect.flies);
      // With COMMIT, where the database judges each statement by itself.
      expect(texts(flown).at(-1) === "commit").toBe(dialect === postgres);
    });

    it("code of the application's runs in the transaction's span", async () => {
      const found: (string | undefined)[] = [];
      const writes = writesWith({
        hooks: {
          persist: {
            after: async (_outcome, { tx }) => {
              await sql`select 1 as of_the_hook`.execute(tx);
              found.push(trace.getActiveSpan()?.spanContext().spanId);
            },
          },
        },
      });
      await send(writes, [[put(first)]]);
      const [span] = transactionSpans();
      expect(found).toEqual([span?.spanContext().spanId]);
      expect(texts(span)).toContain("select 1 as of_the_hook");
    });

    it("a failure is told by the span, and a refusal is no error of the server's", async () => {
      const failing = writesWith({
        authorize: ({ id }) => {
          throw id === first ? fatal("CLOSED", "It is closed.") : retryable("Later.");
        },
      });
      await send(failing, [[put(first)]]);
      await send(failing, [[put(second)]]);
      const [refused, later] = transactionSpans();
      expect(refused).toMatchObject({
        attributes: { "powersync_writes.result": "fatal_error", "error.type": "CLOSED" },
        status: { code: SpanStatusCode.UNSET },
      });
      expect(refused?.events.map(({ name }) => name)).toContain("dead letter");
      expect(later).toMatchObject({
        attributes: { "powersync_writes.result": "retryable_error" },
        status: { code: SpanStatusCode.ERROR },
      });
      expect(later?.events.find(({ name }) => name === "exception")).toMatchObject({
        attributes: { "exception.message": "Later." },
      });
    });

    it("stands under the framework's own span, where there is one, and a custom route's transaction under the active one", async () => {
      const tracer = tracerProvider.getTracer("framework");
      const writes = writesWith();
      await tracer.startActiveSpan("route", async (route) => {
        await send(writes, [[put(first)]]);
        await writes.processTransaction(
          { client_id: "d", transaction_id: 9, crud: [put(second)] },
          { principal: { userId: "alice" } },
        );
        route.end();
      });
      const [route] = named("route");
      const [request] = named("powersync upload POST");
      expect(request).toMatchObject({ kind: SpanKind.INTERNAL });
      expect(request?.parentSpanContext?.spanId).toBe(route?.spanContext().spanId);
      expect(transactionSpans().map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([
        request?.spanContext().spanId,
        route?.spanContext().spanId,
      ]);
    });

    it("without a context manager each transaction is a span of its caller's trace all the same", async () => {
      context.disable();
      await send(writesWith(), [[put(first)]]);
      expect(transactionSpans()).toMatchObject([
        {
          parentSpanContext: { traceId, spanId: callerId },
          attributes: { "powersync_writes.result": "success" },
        },
      ]);
    });

    it("transactions that are committed together have a span each", async () => {
      const writes = writesWith({ commit: "per-request" });
      await send(writes, [[put(first)], [put(second)]]);
      const [request] = named("powersync upload POST");
      expect(transactionSpans()).toHaveLength(2);
      for (const { parentSpanContext, duration } of transactionSpans()) {
        expect(parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
        expect(duration[0]).toBeGreaterThanOrEqual(0);
      }
    });

    it.each([
      "",
      "00-0-0-01",
      `00-${"0".repeat(32)}-${callerId}-01`,
      `ff-${traceId}-${callerId}-01`,
    ])("a traceparent that is none begins a trace: %j", async (given) => {
      await send(writesWith(), [[put(first)]], { traceparent: given });
      const [request] = named("powersync upload POST");
      expect(request?.parentSpanContext).toBeUndefined();
    });

    it("counts and measures what happens", async () => {
      const writes = writesWith(
        {
          authorize: ({ id }) => {
            if (id === second) throw fatal("CLOSED", "It is closed.");
          },
        },
        { queueAge: ({ headers }) => Number(headers.get("x-queue-age")) },
      );
      expect(await sample("powersync_writes_dead_letters_waiting{")).toEqual([]);
      await send(writes, [[put(first)]], { "x-queue-age": "90" });
      await send(writes, [[put(first)]], { "x-queue-age": "no number" });
      await send(writes, [[put(second)]]);
      await send(writes, [], {});
      const of = (result: string, ledger: string) =>
        `{result="${result}",ledger="${ledger}",flown="false"} 1`;
      const counted = await sample("powersync_writes_transactions_total{");
      expect(counted).toEqual([
        expect.stringContaining(of("success", "miss")),
        expect.stringContaining(of("success", "hit")),
        expect.stringContaining('result="fatal_error",code="CLOSED"'),
      ]);
      expect(await sample("powersync_writes_request_duration_seconds_count")).toEqual([
        expect.stringContaining('http_response_status_code="200"} 3'),
        expect.stringContaining('http_response_status_code="400"} 1'),
      ]);
      expect(await sample("powersync_writes_dead_letters_total")).toEqual([
        expect.stringContaining('code="CLOSED",dependant="false"} 1'),
      ]);
      expect(await sample("powersync_writes_dead_letters_waiting")).toEqual([
        expect.stringContaining('{code="CLOSED"} 1'),
      ]);
      expect(await sample("powersync_writes_queue_age_seconds_sum")).toEqual([
        expect.stringMatching(/ 90$/),
      ]);
      expect(await sample("powersync_writes_requests_active")).toEqual([
        expect.stringMatching(/ 0$/),
      ]);
      // What is dealt with waits no more.
      const { letters } = await writes.deadLetters.list();
      await writes.deadLetters.discard(letters[0]?.id ?? "", "It is closed.");
      expect(await writes.deadLetters.count()).toEqual({});
      expect(await sample("powersync_writes_dead_letters_waiting")).toEqual([
        expect.stringContaining('{code="CLOSED"} 0'),
      ]);
    });

    it("letters that can't be counted are no reason for anything", async () => {
      const writes = writesWith({ database: () => database.db } as Partial<Config>);
      await send(writes, [[put(first)]]);
      expect(await sample("powersync_writes_dead_letters_waiting")).toEqual([]);
      expect(await sample("powersync_writes_transactions_total")).toHaveLength(1);
    });

    it("the board shows metrics that there are, with labels that they have", async () => {
      const writes = writesWith(
        {
          authorize: ({ id }) => {
            if (id === second) throw fatal("CLOSED", "It is closed.");
          },
        },
        { queueAge: () => 5 },
      );
      await send(writes, [[put(first)]]);
      await send(writes, [[put(second)]]);
      const absent = "33333333-3333-4333-8333-333333333333";
      await send(writes, [[{ op: "DELETE", table: "lists", id: absent }]]);
      // As it is now.
      await metrics();
      const { letters } = await writes.deadLetters.list();
      await writes.deadLetters.discard(letters[0]?.id ?? "", "It is closed.");
      const labels = new Map<string, Set<string>>();
      for (const line of (await metrics()).split("\n")) {
        const [, name, given] = /^(powersync_writes_\w+)\{(.*)\}/.exec(line) ?? [];
        if (name === undefined) continue;
        const known = labels.get(name) ?? new Set();
        for (const [, label] of (given ?? "").matchAll(/(\w+)="/g)) known.add(label ?? "");
        labels.set(name, known);
      }
      const board: unknown = JSON.parse(
        await readFile(new URL("../../docs/grafana.json", import.meta.url), "utf8"),
      );
      const shown = new Set<string>();
      for (const expression of expressionsIn(board)) {
        const names = expression.match(/powersync_writes_\w+/g) ?? [];
        expect(names, expression).not.toEqual([]);
        const known = new Set(names.flatMap((name) => [...(labels.get(name) ?? [])]));
        for (const name of names) {
          expect([...labels.keys()], expression).toContain(name);
          shown.add(name.replace(/_(?:bucket|sum|count)$/, ""));
        }
        const used = [
          ...expression.matchAll(/by \(([^)]*)\)/g),
          ...expression.matchAll(/\{([^}]*)\}/g),
        ].flatMap(([, list = ""]) => list.match(/[a-z_]\w*(?=\s*(?:[,=!]|$))/g) ?? []);
        for (const label of used)
          expect(["le", "job", "instance", ...known], expression).toContain(label);
      }
      // And none is left out.
      const all = [...labels.keys()].map((name) => name.replace(/_(?:bucket|sum|count)$/, ""));
      expect([...shown].toSorted()).toEqual([...new Set(all)].toSorted());
      const documented = await readFile(new URL("../../docs/metrics.md", import.meta.url), "utf8");
      for (const name of shown) expect(documented).toContain(`\`${name}\``);
    });
  });
}

function expressionsIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(expressionsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) =>
    name === "expr" ? [String(each)] : expressionsIn(each),
  );
}

describe("otel", () => {
  it("refuses what it does not know, and does without an SDK", async () => {
    expect(() => otel({ queueage: () => 1 } as OtelOptions)).toThrow(
      'otel: queueage is not known. Did you mean "queueAge"?',
    );
    const telemetry = otel();
    const config = testConfig((() => undefined) as never);
    for (const given of [{}, "otel", otel])
      expect(() => createWrites({ ...config, telemetry: given as never })).toThrow("telemetry");
    const response = { status: 200, headers: {}, body: "" };
    const request = {
      method: "POST",
      url: "/",
      headers: new Headers(),
      body: () => Promise.reject(new Error("Not asked for.")),
      signal: new AbortController().signal,
    };
    expect(await telemetry.request(request, async () => response)).toBe(response);
    expect(await telemetry.transaction({ correlationId: "x" }, async () => 7)).toBe(7);
    telemetry.statement("select 1");
  });
});

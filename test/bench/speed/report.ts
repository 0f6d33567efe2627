/** What the bench has measured, as Markdown and as charts. */
import type { ServerName } from "./drive.js";
import type { Workload } from "./workloads.js";
import type { Traffic } from "./proxy.js";

/** Of one server with one workload. */
export interface Measured {
  readonly server: ServerName;
  /** Medians of the rounds. */
  readonly perSecond: number;
  /** Of a request, where one follows the other. */
  readonly requestMs: number;
  readonly serverCpuMs: number;
  readonly databaseCpuMs: number | undefined;
  readonly peakMiB: number;
}

export interface Result {
  readonly workload: Workload;
  readonly concurrency: number;
  /** Milliseconds, there and back, between server and database. */
  readonly tripMs: number;
  readonly measured: readonly Measured[];
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[sorted.length % 2 === 0 ? middle - 1 : middle],
    sorted[middle],
  ];
  return (low + high) / 2;
}

const whole = (value: number): string => Math.round(value).toLocaleString("en-US");

/**
 * A line for each server, and a column for each of the workloads. Empty where nothing has been measured.
 *
 * @param columns each with its title first, and then a cell for each server
 */
function table(servers: readonly string[], columns: readonly (readonly string[])[]): string {
  if (columns.length === 0) return "";
  const [head = [], ...rows] = ["", ...servers].map((server, line) => [
    server,
    ...columns.map((column) => column[line] ?? ""),
  ]);
  return [head, head.map((_, index) => (index === 0 ? "---" : "--:")), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

/** Speed, and its share of the reference's. */
export function speeds(results: readonly Result[], reference: ServerName): string {
  const servers = results[0]?.measured.map(({ server }) => server) ?? [];
  const rows = results.map(({ workload, concurrency, measured }) => {
    const whole100 = measured.find(({ server }) => server === reference)?.perSecond;
    return [
      `${workload.name}, ${concurrency} at a time (${workload.unit})`,
      ...measured.map(({ server, perSecond }) =>
        whole100 === undefined || server === reference
          ? whole(perSecond)
          : `${whole(perSecond)} (${(perSecond / whole100).toFixed(2)})`,
      ),
    ];
  });
  return table(servers, rows);
}

/** Milliseconds of one request. */
export function latencies(results: readonly Result[]): string {
  const servers = results[0]?.measured.map(({ server }) => server) ?? [];
  const rows = results.map(({ workload, tripMs, measured }) => [
    `${workload.name}, ${tripMs} ms away`,
    ...measured.map(({ requestMs }) => requestMs.toFixed(1)),
  ]);
  return table(servers, rows);
}

/** The processor's milliseconds for one request, of the server and of the database; and the server's memory. */
export function costs(results: readonly Result[]): string {
  const servers = results[0]?.measured.map(({ server }) => server) ?? [];
  const rows = results
    .filter(({ concurrency }) => concurrency === 1)
    .map(({ workload, measured }) => [
      workload.name,
      ...measured.map(({ serverCpuMs, databaseCpuMs, peakMiB }) => {
        const database = databaseCpuMs === undefined ? "?" : databaseCpuMs.toFixed(2);
        return `${serverCpuMs.toFixed(2)} + ${database}; ${whole(peakMiB)} MiB`;
      }),
    ]);
  return table(servers, rows);
}

export interface Counted {
  readonly workload: Workload;
  readonly traffic: readonly { readonly server: ServerName; readonly traffic: Traffic }[];
}

/** Of one request: trips to the database, statements, those that it had to parse, and bytes sent. */
export function counts(counted: readonly Counted[]): string {
  const servers = counted[0]?.traffic.map(({ server }) => server) ?? [];
  const rows = counted.map(({ workload, traffic }) => [
    workload.name,
    ...traffic.map(
      ({ traffic: { trips, statements, parsed, bytes } }) =>
        `${trips}; ${whole(statements)}; ${whole(parsed)}; ${whole(bytes)} B`,
    ),
  ]);
  return table(servers, rows);
}

const colors = [
  "#8d99ae",
  "#6cc4b8",
  "#2a9d8f",
  "#1d7874",
  "#0b525b",
  "#457b9d",
  "#e76f51",
  "#f4a261",
  "#e9c46a",
  "#d9ae94",
];

/** Bars of each workload's speeds, as shares of the fastest one's. */
export function chart(title: string, results: readonly Result[]): string {
  const bar = 15;
  const left = 190;
  const width = 860;
  let y = 46;
  const parts: string[] = [];
  for (const { workload, concurrency, measured } of results) {
    const most = Math.max(...measured.map(({ perSecond }) => perSecond));
    parts.push(
      `<text x="12" y="${y}" class="head">${workload.name}: ${workload.title}, ${concurrency} at a time (${workload.unit})</text>`,
    );
    y += 8;
    for (const [index, { server, perSecond }] of measured.entries()) {
      const length = Math.max(1, (perSecond / most) * (width - left - 90));
      parts.push(
        `<text x="${left - 8}" y="${y + bar - 4}" text-anchor="end">${server.replace("'", "&#39;")}</text>`,
        `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${bar - 3}" fill="${colors[index % colors.length]}"/>`,
        `<text x="${(left + length + 6).toFixed(1)}" y="${y + bar - 4}">${whole(perSecond)}</text>`,
      );
      y += bar;
    }
    y += 26;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" role="img" aria-label="${title}">
<style>text { font: 11px sans-serif; fill: #333; } .head { font-weight: bold; font-size: 12px; }</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="22" class="head">${title}</text>
${parts.join("\n")}
</svg>
`;
}

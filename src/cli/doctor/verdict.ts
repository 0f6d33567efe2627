/** What an examination finds: one line of the doctor's page. */
export interface Verdict {
  /** `info`: nothing to judge. */
  readonly level: "ok" | "warning" | "error" | "info";
  readonly what: string;
  /** With the remedy, where there is something to do. */
  readonly detail?: string;
}

export interface Section {
  readonly title: string;
  readonly verdicts: readonly Verdict[];
}

export function ok(what: string, detail?: string): Verdict {
  return { level: "ok", what, ...(detail !== undefined && { detail }) };
}

export function info(what: string, detail: string): Verdict {
  return { level: "info", what, detail };
}

export function warning(what: string, detail: string): Verdict {
  return { level: "warning", what, detail };
}

export function wrong(what: string, detail: string): Verdict {
  return { level: "error", what, detail };
}

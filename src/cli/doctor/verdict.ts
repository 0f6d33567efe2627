/** The result of an examination: one line of the doctor's page. */
export interface Verdict {
  /** `info`: a fact, neither good nor bad. */
  readonly level: "ok" | "warning" | "error" | "info";
  readonly what: string;
  /** The finding, with the remedy if there is one. */
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

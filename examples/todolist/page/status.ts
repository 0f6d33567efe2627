/** Shows the state of the uploads, and the switch between online and offline. */
import type { UploadStatus } from "../../../src/client/index.js";
import type { Data } from "./data.js";
import { find } from "./dom.js";
import type { Session } from "./session.js";

export function createStatusView(session: Session): (data: Data) => void {
  const { connector } = session;
  const line = find("status", HTMLElement);
  const online = find("online", HTMLInputElement);
  const toRejected = find("to-rejected", HTMLAnchorElement);
  toRejected.addEventListener("click", (event) => {
    event.preventDefault();
    const heading = find("rejected-title", HTMLElement);
    heading.scrollIntoView();
    heading.focus({ preventScroll: true });
  });
  let data: Data | undefined;

  const show = () => {
    online.checked = session.isOnline();
    if (data === undefined) return;
    const { kind, text } = describe(connector.status, data, session.isOnline());
    line.dataset["kind"] = kind;
    toRejected.hidden = data.rejected.length === 0;
    // Set only when it changes, so that screen readers announce it once.
    if (line.textContent !== text) line.textContent = text;
  };
  online.addEventListener("change", () => session.setOnline(online.checked));
  session.onOnline(show);
  connector.subscribe(show);
  show();
  return (next) => {
    data = next;
    show();
  };
}

type Kind = "offline" | "error" | "busy" | "rejected" | "done";

/** Describes the state. `pending` is read from the queue, because the connector counts only when it uploads. */
function describe(
  { uploading, error }: UploadStatus,
  { pending, rejected }: Data,
  online: boolean,
): { readonly kind: Kind; readonly text: string } {
  const waiting = pending === 1 ? "1 change waits" : `${pending} changes wait`;
  if (!online) {
    return {
      kind: "offline",
      text: pending === 0 ? "Offline. Nothing waits." : `Offline. ${waiting} on this device.`,
    };
  }
  if (pending > 0 && error !== undefined) {
    return { kind: "error", text: `${error.message} ${waiting}, and will be tried again.` };
  }
  if (uploading) return { kind: "busy", text: "Sending…" };
  if (pending > 0) return { kind: "busy", text: `${waiting} to be sent.` };
  if (rejected.length > 0) {
    const count = rejected.length === 1 ? "1 write was" : `${rejected.length} writes were`;
    return { kind: "rejected", text: `Everything has been sent; ${count} rejected.` };
  }
  return { kind: "done", text: "Everything has been sent." };
}

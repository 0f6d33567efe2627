/** Shows the state of the download: whether the PowerSync service can be reached, trusts the app, and has finished the first sync. */
import type { SyncStatus } from "@powersync/web";
import { find } from "./dom.js";
import type { Session } from "./session.js";

export function createSyncView(session: Session): void {
  const line = find("sync", HTMLElement);
  const show = (): void => {
    // The stand-in never sends anything, so there is no state to show.
    const quiet = session.standIn || !session.isOnline();
    const text = quiet ? "" : describe(session.database.currentStatus);
    line.hidden = text === "";
    if (line.textContent !== text) line.textContent = text;
  };
  session.database.registerListener({ statusChanged: show });
  session.onOnline(show);
  show();
}

/** Describes what is wrong or in progress. Empty if all is well. */
function describe({ connected, downloadError, hasSynced, downloadProgress }: SyncStatus): string {
  if (!connected && downloadError !== undefined) {
    return isDistrust(downloadError)
      ? "The PowerSync service refuses this app's token. Nothing is downloaded, but your changes are still sent. Set the service's client_auth to accept the tokens of this server (/dev/jwks.json, audience todolist)."
      : "The PowerSync service can’t be reached. Nothing is downloaded, but your changes are still sent.";
  }
  if (hasSynced) return "";
  const { downloadedOperations: done, totalOperations: all } = downloadProgress ?? {};
  const progress = all === undefined || all === 0 ? "" : ` ${done} of ${all}.`;
  return `The first sync is in progress.${progress} Some data may not be here yet.`;
}

/** The service's codes for tokens begin with PSYNC_S21. */
function isDistrust(error: Error): boolean {
  const { status } = error as { readonly status?: number };
  return (
    status === 401 || status === 403 || /PSYNC_S21|unauthori[sz]ed|forbidden/i.test(error.message)
  );
}

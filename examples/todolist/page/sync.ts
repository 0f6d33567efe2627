/** The line that says what becomes of the other direction: whether the PowerSync service is there, trusts the app, and has sent everything once. */
import type { SyncStatus } from "@powersync/web";
import { find } from "./dom.js";
import type { Session } from "./session.js";

export function createSyncView(session: Session): void {
  const line = find("sync", HTMLElement);
  const show = (): void => {
    // The stand-in never sends anything, and is where the uploads go.
    const quiet = session.standIn || !session.isOnline();
    const text = quiet ? "" : describe(session.database.currentStatus);
    line.hidden = text === "";
    if (line.textContent !== text) line.textContent = text;
  };
  session.database.registerListener({ statusChanged: show });
  session.onOnline(show);
  show();
}

/** Empty: everything is as it should be. */
function describe({ connected, downloadError, hasSynced, downloadProgress }: SyncStatus): string {
  if (!connected && downloadError !== undefined) {
    return isDistrust(downloadError)
      ? "The PowerSync service does not trust this app: it refuses its token. Nothing comes down; what you change is sent all the same. Have its client_auth take the tokens of this server (/dev/jwks.json, audience todolist)."
      : "The PowerSync service can’t be reached. Nothing comes down; what you change is sent all the same.";
  }
  if (hasSynced) return "";
  const { downloadedOperations: done, totalOperations: all } = downloadProgress ?? {};
  const progress = all === undefined || all === 0 ? "" : ` ${done} of ${all}.`;
  return `The first sync is under way.${progress} What is missing here may be on its way.`;
}

/** The service's codes for tokens begin with PSYNC_S21. */
function isDistrust(error: Error): boolean {
  const { status } = error as { readonly status?: number };
  return (
    status === 401 || status === 403 || /PSYNC_S21|unauthori[sz]ed|forbidden/i.test(error.message)
  );
}

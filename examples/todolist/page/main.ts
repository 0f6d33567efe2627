/** Starts the page: chooses the user, and shows their data. */
import { createChanges } from "./changes.js";
import { type Data, watchData } from "./data.js";
import { find } from "./dom.js";
import { createListsView } from "./lists.js";
import { createNoteView } from "./note.js";
import { createRejectedView } from "./rejected.js";
import { openSession } from "./session.js";
import { createStatusView } from "./status.js";
import { createSyncView } from "./sync.js";
import { createTodosView } from "./todos.js";

const user = chooseUser();
const session = openSession(user);
const changes = createChanges(session.database, user);
const lists = createListsView(changes, () => data && show(data));
const showTodos = createTodosView(changes, user);
const showNote = createNoteView(changes, session);
const showRejected = createRejectedView(session);
const showStatus = createStatusView(session);
createSyncView(session);
let data: Data | undefined;

function show(next: Data): void {
  data = next;
  lists.show(next);
  find("no-lists", HTMLElement).hidden = next.lists.length > 0;
  showTodos(next, lists.chosen);
  showNote(next, lists.chosen);
  showRejected(next);
  showStatus(next);
  document.documentElement.dataset["ready"] = "";
}

function fail(error: unknown): void {
  const line = find("failure", HTMLElement);
  line.hidden = false;
  line.textContent = `Something went wrong on this page: ${error instanceof Error ? error.message : String(error)}`;
}

addEventListener("unhandledrejection", ({ reason }) => fail(reason));
find("stand-in", HTMLElement).hidden = !session.standIn;
watchData(session, show, fail);

/** Reads the user from the page's address, so that another tab can have another user. */
function chooseUser(): string {
  const asked = new URLSearchParams(location.search).get("user") ?? "";
  const user = /^[\w.-]{1,32}$/.test(asked) ? asked : "alice";
  const other = user === "bob" ? "alice" : "bob";
  const input = find("user", HTMLInputElement);
  input.value = user;
  find("user-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    location.search = new URLSearchParams({ user: input.value }).toString();
  });
  const link = find("other-user", HTMLAnchorElement);
  link.href = `?user=${other}`;
  link.textContent = `Open as ${other}`;
  document.title = `${user}’s todos`;
  return user;
}

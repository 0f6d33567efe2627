/** The page for dead letters: the list, the letter that is open, and what is done with one or several. */
import { ask, messageOf, type Summary } from "./api.js";
import { byId } from "./dom.js";
import { retryWord, showLetter } from "./letter.js";
import { createList } from "./list.js";

const status = byId("status", HTMLElement);
const place = byId("letter", HTMLElement);
const form = byId("filters", HTMLFormElement);
const retrySelected = byId("retry-selected", HTMLButtonElement);
const discardSelected = byId("discard-selected", HTMLButtonElement);
const dialog = byId("discard", HTMLDialogElement);
const reason = byId("discard-reason", HTMLTextAreaElement);

function tell(text: string, bad = false): void {
  status.textContent = text;
  status.classList.toggle("bad", bad);
}

/** What goes wrong is shown, and never lost in the console. */
function attempt(work: () => Promise<void>): void {
  work().catch((error: unknown) =>
    tell(error instanceof Error ? error.message : String(error), true),
  );
}

const list = createList((selected) => {
  retrySelected.disabled = selected === 0;
  discardSelected.disabled = selected === 0;
});

function openId(): string | undefined {
  const [, id] = /^#letter=(.+)$/.exec(location.hash) ?? [];
  return id === undefined ? undefined : decodeURIComponent(id);
}

/** @param focus whether the reader has just gone there */
async function showOpen(focus: boolean): Promise<void> {
  const id = openId();
  list.mark(id);
  document.body.classList.toggle("reading", id !== undefined);
  place.hidden = id === undefined;
  if (id === undefined) {
    place.replaceChildren();
    return;
  }
  await showLetter(place, id, {
    back: () => {
      location.hash = "";
      document.querySelector<HTMLElement>(`#letters a[href$="${CSS.escape(id)}"]`)?.focus();
    },
    told: tell,
    changed: () => attempt(reload),
    discard: (letter) => askDiscard([letter]),
  });
  if (focus) place.focus();
}

async function reload(): Promise<void> {
  await Promise.all([list.load(), showOpen(false)]);
}

let discarding: readonly Summary[] = [];

function askDiscard(letters: readonly Summary[]): void {
  discarding = letters;
  const [only] = letters;
  byId("discard-what", HTMLElement).textContent =
    letters.length === 1 && only !== undefined
      ? `${only.error_code}: ${only.message} The user's change will never happen.`
      : `${letters.length} letters. The users' changes will never happen.`;
  reason.value = "";
  dialog.showModal();
  reason.focus();
}

async function discard(): Promise<void> {
  const why = reason.value.trim();
  if (why === "") {
    reason.setAttribute("aria-invalid", "true");
    reason.focus();
    tell("Say why: the reason is kept with the letter.", true);
    return;
  }
  reason.removeAttribute("aria-invalid");
  const choice = dialog.querySelector<HTMLInputElement>('input[name="dependants"]:checked')?.value;
  dialog.close();
  const body = JSON.stringify({ reason: why, ...(choice && { dependants: choice }) });
  await each(discarding, "discarded", async ({ id }) => {
    const answer = await ask("POST", `/${id}/discard`, body);
    // It may have gone with the letter that it depends on.
    const gone = answer.body["status"] === "not_open" && answer.body["is"] === "discarded";
    return answer.status === 200 || gone ? undefined : messageOf(answer);
  });
}

/** One after the other: the first reason why one was not done is told. */
async function each(
  letters: readonly Summary[],
  word: string,
  handle: (letter: Summary) => Promise<string | undefined>,
): Promise<void> {
  let done = 0;
  const failures: string[] = [];
  for (const letter of letters) {
    tell(`${done + failures.length + 1} of ${letters.length} …`);
    const failure = await handle(letter);
    if (failure === undefined) done += 1;
    else failures.push(failure);
  }
  const [first] = failures;
  const failed = first === undefined ? "" : ` ${failures.length} not: ${first}`;
  tell(`${done} ${word}.${failed}`, first !== undefined);
  await reload();
}

retrySelected.addEventListener("click", () => {
  // Oldest first, as they were sent.
  const letters = list.selected().toReversed();
  attempt(() =>
    each(letters, "applied", async ({ id }) => {
      const answer = await ask("POST", `/${id}/retry`, "{}");
      const gone = answer.body["status"] === "not_open" && answer.body["is"] === "retried";
      return answer.status === 200 || gone ? undefined : retryWord(answer);
    }),
  );
});
discardSelected.addEventListener("click", () => askDiscard(list.selected().toReversed()));
byId("discard-yes", HTMLButtonElement).addEventListener("click", () => attempt(discard));
byId("discard-no", HTMLButtonElement).addEventListener("click", () => dialog.close());
byId("refresh", HTMLButtonElement).addEventListener("click", () => {
  tell("");
  attempt(reload);
});
byId("clear", HTMLButtonElement).addEventListener("click", () => {
  form.reset();
  attempt(list.load);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(list.load);
});
addEventListener("hashchange", () => attempt(() => showOpen(true)));

attempt(reload);

/** The page for dead letters: the list, the open letter, and the actions for one letter or several. */
import { ask, messageOf, SignedOut, type Summary } from "./api.js";
import { button, byId, element } from "./dom.js";
import { drafts } from "./editor.js";
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

/** Runs work and shows its error on the page, where the operator sees it. */
function attempt(work: () => Promise<void>): void {
  work().catch((error: unknown) =>
    tell(error instanceof Error ? error.message : String(error), true),
  );
}

const list = createList((selected) => {
  retrySelected.disabled = selected === 0;
  discardSelected.disabled = selected === 0;
}, attempt);

function openId(): string | undefined {
  const [, id] = /^#letter=(.+)$/.exec(location.hash) ?? [];
  return id === undefined ? undefined : decodeURIComponent(id);
}

/** @param focus whether the operator has just opened the letter */
async function showOpen(focus: boolean): Promise<void> {
  const id = openId();
  list.mark(id);
  document.body.classList.toggle("reading", id !== undefined);
  place.hidden = id === undefined;
  if (id !== place.dataset["id"]) place.replaceChildren();
  place.dataset["id"] = id ?? "";
  if (id === undefined) return;
  const back = () => {
    location.hash = "";
    document.querySelector<HTMLElement>(`#letters a[href$="${CSS.escape(id)}"]`)?.focus();
  };
  try {
    await showLetter(place, id, {
      back,
      isOpen: () => openId() === id,
      told: tell,
      changed: () => attempt(reload),
      discard: (letter) => askDiscard([letter]),
    });
  } catch (error) {
    if (openId() !== id) return;
    // If the letter is already shown, it stays, with what was typed into it.
    if (place.childElementCount === 0) {
      place.replaceChildren(
        button("← Back to the list", back, "back"),
        element("p", { class: "failed" }, error instanceof Error ? error.message : String(error)),
      );
    }
    throw error;
  } finally {
    if (focus && openId() === id) place.focus();
  }
}

async function reload(): Promise<void> {
  await Promise.all([list.load(), showOpen(false)]);
}

const problem = byId("discard-problem", HTMLElement);
let discarding: readonly Summary[] = [];

function askDiscard(letters: readonly Summary[]): void {
  discarding = letters;
  const [only] = letters;
  byId("discard-what", HTMLElement).textContent =
    letters.length === 1 && only !== undefined
      ? `${only.error_code}: ${only.message} The user's change will never be made.`
      : `${letters.length} letters. The users' changes will never be made.`;
  reason.value = "";
  problem.textContent = "";
  reason.removeAttribute("aria-invalid");
  const careful = dialog.querySelector<HTMLInputElement>('input[name="dependants"]');
  if (careful !== null) careful.checked = true;
  dialog.showModal();
  reason.focus();
}

async function discard(): Promise<void> {
  const why = reason.value.trim();
  if (why === "") {
    reason.setAttribute("aria-invalid", "true");
    problem.textContent = "Enter a reason. It is kept with the letter.";
    reason.focus();
    return;
  }
  const choice = dialog.querySelector<HTMLInputElement>('input[name="dependants"]:checked')?.value;
  dialog.close();
  const body = JSON.stringify({ reason: why, ...(choice && { dependants: choice }) });
  await each(discarding, "discarded", async ({ id, version }) => {
    const answer = await ask("POST", `/${id}/discard`, body, version);
    // It may have been discarded with the letter that it depends on.
    const gone = answer.body["status"] === "not_open" && answer.body["is"] === "discarded";
    return answer.status === 200 || gone ? undefined : messageOf(answer);
  });
}

/** Handles the letters one after the other. Shows how many are done, and the first failure. */
async function each(
  letters: readonly Summary[],
  word: string,
  handle: (letter: Summary) => Promise<string | undefined>,
): Promise<void> {
  let done = 0;
  const failures: string[] = [];
  let signedOut = false;
  for (const [index, letter] of letters.entries()) {
    tell(`${index + 1} of ${letters.length} …`);
    try {
      const failure = await handle(letter);
      if (failure === undefined) done += 1;
      else failures.push(failure);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
      // All further requests would be refused as well.
      signedOut = error instanceof SignedOut;
      if (signedOut) break;
    }
  }
  const [first] = failures;
  const left = letters.length - done;
  const rest = first === undefined ? "." : `, ${left} not ${word}. The first error: ${first}`;
  tell(`${done} ${word}${rest}`, left > 0);
  if (!signedOut) await reload();
  // A disabled button receives no key events.
  const { activeElement } = document;
  if (activeElement === document.body || activeElement?.matches(":disabled")) {
    byId("refresh", HTMLButtonElement).focus();
  }
}

retrySelected.addEventListener("click", () => {
  // Oldest first, in the order in which they were sent.
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
addEventListener("beforeunload", (event) => {
  if (drafts.size > 0) event.preventDefault();
});
addEventListener("hashchange", () => attempt(() => showOpen(true)));

attempt(reload);

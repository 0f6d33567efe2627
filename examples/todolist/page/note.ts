/** Shows the note of the chosen list and the number of people, which two devices may change at the same time. */
import type { Changes } from "./changes.js";
import type { Data, Note } from "./data.js";
import { editable, find } from "./dom.js";
import { createOtherDevice } from "./other-device.js";
import type { Session } from "./session.js";
import { showMark } from "./todos.js";

export function createNoteView(
  changes: Changes,
  session: Session,
): (data: Data, listId: string | undefined) => void {
  let list: string | undefined;
  let shown: Note | undefined;
  const people = find("people", HTMLElement);
  const fewer = find("fewer-people", HTMLButtonElement);
  const mark = find("note-mark", HTMLElement);
  const says = find("other-device-says", HTMLElement);
  const changeOnOtherDevice = createOtherDevice(session);

  const note = editable("Note", (text) => {
    if (shown !== undefined) void changes.writeNote(shown.id, text);
    else if (list !== undefined) void changes.addNote(list, text, 0);
  });
  find("note", HTMLElement).prepend(note.input);
  const count = (by: number) => {
    if (shown !== undefined) void changes.countPeople(shown.id, by);
    else if (list !== undefined) void changes.addNote(list, "", by);
  };
  fewer.addEventListener("click", () => count(-1));
  find("more-people", HTMLButtonElement).addEventListener("click", () => count(1));
  find("other-device", HTMLButtonElement).addEventListener("click", () => {
    void changeOnOtherDevice(shown).then((text) => {
      says.textContent = text;
    });
  });

  return ({ notes }, listId) => {
    if (list !== listId) says.textContent = "";
    list = listId;
    shown = notes.find(({ list_id }) => list_id === listId);
    note.show(shown?.note ?? "", "Add a note");
    people.textContent = String(shown?.people ?? 0);
    fewer.disabled = (shown?.people ?? 0) <= 0;
    showMark(mark, shown?.mark ?? null);
  };
}

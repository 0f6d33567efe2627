/** Shows the chosen list and its todos. */
import type { Changes } from "./changes.js";
import type { Data, Mark, Member, Todo } from "./data.js";
import { createItems, editable, find, make } from "./dom.js";

const marks: Readonly<Record<NonNullable<Mark>, string>> = {
  waiting: "not sent yet",
  rejected: "rejected",
};

export function createTodosView(
  changes: Changes,
  user: string,
): (data: Data, listId: string | undefined) => void {
  let shown: string | undefined;
  const section = find("list", HTMLElement);
  const empty = find("no-todos", HTMLElement);
  const description = find("todo-description", HTMLInputElement);
  const listMark = find("list-mark", HTMLElement);

  find("add-todo", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    if (shown !== undefined) void changes.addTodo(shown, description.value.trim());
    description.value = "";
  });
  find("foreign-list", HTMLButtonElement).addEventListener("click", () => {
    void changes.addList(crypto.randomUUID(), "Somebody else’s list", "somebody-else");
  });
  find("remove-list", HTMLButtonElement).addEventListener("click", () => {
    if (shown !== undefined) void changes.removeList(shown);
  });
  const shareWith = find("share-with", HTMLInputElement);
  const share = find("share-list", HTMLFormElement);
  const sharedWith = find("members", HTMLElement);
  share.addEventListener("submit", (event) => {
    event.preventDefault();
    const other = shareWith.value.trim();
    if (shown === undefined || other === "") return;
    shareWith.value = "";
    void changes.shareList(shown, other);
  });
  const name = editable("Name of the list", (text) => {
    if (shown !== undefined && text !== "") void changes.renameList(shown, text);
  });
  find("list-title", HTMLElement).prepend(name.input);

  const show = createItems<Todo>(find("todos", HTMLUListElement), description, ({ id }) => {
    const done = make("input", { type: "checkbox", ariaLabel: "Done" });
    const text = editable("Description", (to) => void changes.describeTodo(id, to));
    const mark = make("span", { className: "mark" });
    const remove = make("button", { type: "button", className: "quiet" }, "Delete");
    done.addEventListener("change", () => void changes.tickTodo(id, done.checked));
    remove.addEventListener("click", () => void changes.removeTodo(id));
    return {
      element: make("li", { className: "todo" }, done, text.input, mark, remove),
      update({ description, completed, mark: what }) {
        done.checked = Boolean(completed);
        text.show(description ?? "", "Without a description");
        remove.ariaLabel = `Delete ${description ?? "todo without a description"}`;
        showMark(mark, what);
      },
    };
  });

  return ({ lists, todos, members }, listId) => {
    const list = lists.find(({ id }) => id === listId);
    shown = list?.id;
    section.hidden = list === undefined;
    name.show(list?.name ?? "", "Without a name");
    showMark(listMark, list?.mark ?? null);
    share.hidden = list?.owner_id !== user;
    showMembers(
      sharedWith,
      members.filter(({ list_id }) => list_id === listId),
    );
    const own = todos.filter(({ list_id }) => list_id === listId);
    empty.hidden = own.length > 0;
    show(own);
  };
}

function showMembers(element: HTMLElement, members: readonly Member[]): void {
  element.hidden = members.length === 0;
  const names = members.flatMap(({ user_id, mark: what }) => {
    const mark = make("span", { className: "mark" });
    showMark(mark, what);
    return [make("span", { className: "member" }, user_id ?? "", mark)];
  });
  element.replaceChildren("Shared with ", ...names);
}

/** Shows whether a row waits to be sent, or was refused. */
export function showMark(element: HTMLElement, mark: Mark): void {
  element.textContent = mark === null ? "" : marks[mark];
  element.dataset["mark"] = mark ?? "";
}

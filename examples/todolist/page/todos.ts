/** The chosen list, and its todos. */
import type { Changes } from "./changes.js";
import type { Data, Mark, Todo } from "./data.js";
import { createItems, editable, find, make } from "./dom.js";

const marks: Readonly<Record<NonNullable<Mark>, string>> = {
  waiting: "not sent yet",
  rejected: "rejected",
};

export function createTodosView(
  changes: Changes,
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

  return ({ lists, todos }, listId) => {
    const list = lists.find(({ id }) => id === listId);
    shown = list?.id;
    section.hidden = list === undefined;
    name.show(list?.name ?? "", "Without a name");
    showMark(listMark, list?.mark ?? null);
    const own = todos.filter(({ list_id }) => list_id === listId);
    empty.hidden = own.length > 0;
    show(own);
  };
}

function showMark(element: HTMLElement, mark: Mark): void {
  element.textContent = mark === null ? "" : marks[mark];
  element.dataset["mark"] = mark ?? "";
}

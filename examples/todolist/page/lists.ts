/** Shows the lists, one of which is chosen. */
import type { Changes } from "./changes.js";
import type { Data, List } from "./data.js";
import { createItems, find, make } from "./dom.js";

export interface ListsView {
  readonly chosen: string | undefined;
  show(data: Data): void;
}

/** @param onChosen called when another list is chosen */
export function createListsView(changes: Changes, onChosen: () => void): ListsView {
  // The id of the chosen list. The list may not be in the database yet, or no longer.
  let wanted: string | undefined;
  let chosen: string | undefined;
  let open = new Map<string, number>();
  const name = find("list-name", HTMLInputElement);
  find("add-list", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const text = name.value.trim();
    if (text === "") return;
    name.value = "";
    wanted = crypto.randomUUID();
    void changes.addList(wanted, text);
  });

  const show = createItems<List>(find("lists", HTMLUListElement), name, ({ id }) => {
    const text = make("span", { className: "name" });
    const count = make("span", { className: "count" });
    const button = make("button", { type: "button", className: "list" }, text, count);
    button.addEventListener("click", () => {
      wanted = id;
      onChosen();
    });
    return {
      element: make("li", {}, button),
      update(list) {
        text.textContent = list.name ?? "Without a name";
        const left = open.get(id) ?? 0;
        count.textContent = left === 0 ? "" : String(left);
        count.ariaLabel = left === 0 ? null : `${left} to do`;
        button.ariaCurrent = String(id === chosen);
        button.dataset["mark"] = list.mark ?? "";
      },
    };
  });

  return {
    get chosen() {
      return chosen;
    },
    show({ lists, todos }) {
      chosen = (lists.find(({ id }) => id === wanted) ?? lists[0])?.id;
      open = new Map();
      for (const { list_id, completed } of todos) {
        if (list_id !== null && !completed) open.set(list_id, (open.get(list_id) ?? 0) + 1);
      }
      show(lists);
    },
  };
}

/** Writes that the server has refused: each is put right and sent again, or given up. */
import type { QueuedOperation, RejectedWrite } from "../../../src/client/index.js";
import type { Data, List } from "./data.js";
import { createItems, find, make } from "./dom.js";
import type { Session } from "./session.js";
import { undoLocally } from "./undo.js";

const titles: Readonly<Record<string, string>> = {
  "PUT lists": "New list",
  "PATCH lists": "Change of a list",
  "DELETE lists": "Deletion of a list",
  "PUT todos": "New todo",
  "PATCH todos": "Change of a todo",
  "DELETE todos": "Deletion of a todo",
};

/** By what the row was called before, where it was there. */
function titleOf({ op, table, opData, previousValues }: QueuedOperation): string {
  const title = titles[`${op} ${table}`] ?? `${op} ${table}`;
  const name = { ...opData, ...previousValues }[textColumns[table] ?? ""];
  return typeof name === "string" ? `${title}: ${name}` : title;
}

export function createRejectedView(session: Session): (data: Data) => void {
  const { database, connector } = session;
  const section = find("rejected", HTMLElement);
  const heading = find("rejected-title", HTMLElement);
  let lists: readonly List[] = [];

  const show = createItems<RejectedWrite>(
    find("rejected-writes", HTMLUListElement),
    heading,
    (write) => {
      const fields = write.crud.map((operation) => createFields(operation, () => lists));
      const send = make("button", { type: "submit" }, "Send again");
      const discard = make("button", { type: "button", className: "quiet" }, "Discard");
      const form = make(
        "form",
        {},
        ...fields.flatMap(({ elements }) => elements),
        make("div", { className: "buttons" }, discard, send),
      );
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        void connector.resend(
          database,
          write.id,
          fields.map(({ edited }) => edited()),
        );
      });
      discard.addEventListener("click", () => void giveUp(write));
      const { message = "", code } = write.failure;
      const title = write.crud.map(titleOf);
      const element = make(
        "li",
        { className: "write" },
        make("h3", {}, title.join(", ")),
        make(
          "p",
          {},
          message === "" ? "The server refused it." : message,
          " ",
          make("code", {}, code),
        ),
        form,
      );
      return { element, update: () => fields.forEach(({ update }) => update()) };
    },
  );

  async function giveUp(write: RejectedWrite): Promise<void> {
    if (session.standIn) await undoLocally(database, write);
    await connector.discard(database, write.id);
  }

  return (data) => {
    lists = data.lists;
    section.hidden = data.rejected.length === 0;
    show(data.rejected);
  };
}

interface Fields {
  readonly elements: readonly HTMLElement[];
  update(): void;
  edited(): QueuedOperation;
}

/** What can be put right in an operation: its texts, and where it belongs. */
function createFields(operation: QueuedOperation, lists: () => readonly List[]): Fields {
  const { op, table, opData } = operation;
  const changed = (column: string) => op === "PUT" || Object.hasOwn(opData ?? {}, column);
  const value = (column: string) => String(opData?.[column] ?? "");
  const inputs = new Map<string, HTMLInputElement | HTMLSelectElement>();
  const textColumn = textColumns[table];
  if (textColumn !== undefined && op !== "DELETE" && changed(textColumn)) {
    const input = make("input", { type: "text", required: true, maxLength: 200 });
    input.value = value(textColumn);
    inputs.set(textColumn, input);
  }
  const select = make("select", { required: true });
  if (op !== "DELETE" && table === "todos" && changed("list_id")) inputs.set("list_id", select);

  return {
    elements: Array.from(inputs, ([column, input]) =>
      make("label", {}, labels[column] ?? column, input),
    ),
    update() {
      const chosen = select.options.length === 0 ? value("list_id") : select.value;
      const own = lists().map(({ id, name }) => new Option(name ?? "Without a name", id));
      select.replaceChildren(new Option("Choose a list", ""), ...own);
      select.value = chosen;
      if (select.selectedIndex < 0) select.selectedIndex = 0;
    },
    edited: () => ({
      ...operation,
      opData:
        inputs.size === 0
          ? opData
          : {
              ...opData,
              ...Object.fromEntries(Array.from(inputs, ([column, { value }]) => [column, value])),
            },
    }),
  };
}

const textColumns: Readonly<Record<string, string>> = { lists: "name", todos: "description" };

const labels: Readonly<Record<string, string>> = {
  name: "Name",
  description: "Description",
  list_id: "List",
};

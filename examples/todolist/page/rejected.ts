/** Shows the writes that the server has refused. The user corrects and resends, or discards, each of them. */
import type { QueuedOperation, RejectedWrite } from "../../../src/client/index.js";
import { conflictTable, rebased } from "./conflict.js";
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
  "PUT list_notes": "New note",
  "PATCH list_notes": "Change of a note",
  "PUT powersync_mutations": "Sharing of a list",
};

/** A title for an operation. It uses the row's previous text if the row existed before. */
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
      const fields = write.crud.some(isMutation)
        ? mutationFields(write)
        : write.crud.map((operation) =>
            isRefused(write, operation)
              ? createFields(operation, () => lists, write)
              : unchanged(operation),
          );
      const mendable =
        mayPass.has(write.failure.code) || fields.some(({ elements }) => elements.length > 0);
      const send = make("button", { type: "submit" }, "Send again");
      const discard = make("button", { type: "button", className: "quiet" }, "Discard");
      const form = make(
        "form",
        {},
        ...fields.flatMap(({ elements }) => elements),
        make("div", { className: "buttons" }, discard, ...(mendable ? [send] : [])),
      );
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        void connector.resend(
          database,
          write.id,
          fields.map(({ edited }) => rebased(edited(), write.failure)),
        );
      });
      discard.addEventListener("click", () => void giveUp(write));
      const { message = "", code } = write.failure;
      const mutation = write.crud.filter(isMutation);
      // Rows that a mutation changes on the device are not writes of their own.
      const title = (mutation.length > 0 ? mutation : write.crud).map(titleOf);
      const element = make(
        "li",
        { className: "write" },
        make("h3", {}, title.join(", ")),
        make(
          "p",
          {},
          message === "" ? "The server refused it." : message,
          mendable ? "" : " It can't be corrected, only discarded.",
          " ",
          make("code", {}, code),
        ),
        ...conflictTable(write.failure, labels),
        form,
      );
      return { element, update: () => fields.forEach(({ update }) => update()) };
    },
  );

  async function giveUp(write: RejectedWrite): Promise<void> {
    // After a conflict, the row has the values of the other device.
    const crud = write.crud.map((operation) => rebased(operation, write.failure));
    if (session.standIn) await undoLocally(database, { ...write, crud });
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

const isMutation = ({ table }: QueuedOperation) => table === "powersync_mutations";

/** Whether an operation was refused. If the server names the failed operation, the others are correct. */
function isRefused({ crud, failure }: RejectedWrite, operation: QueuedOperation): boolean {
  const { operationIndex } = failure;
  return operationIndex === undefined || crud[operationIndex] === operation;
}

function unchanged(operation: QueuedOperation): Fields {
  return { elements: [], update: () => undefined, edited: () => operation };
}

/** Codes of failures that another text can't correct, only another list. */
const aboutAccess = new Set(["UNAUTHORIZED", "FORBIDDEN_OPERATION", "FORBIDDEN_COLUMN"]);

/** Codes of writes that may succeed unchanged later. */
const mayPass = new Set(["RETRIES_EXHAUSTED", "DEPENDS_ON_DEAD_LETTER"]);

/** Creates the inputs for what can be corrected in an operation: its text, and its list. */
function createFields(
  operation: QueuedOperation,
  lists: () => readonly List[],
  { failure }: RejectedWrite,
): Fields {
  const { op, table, opData } = operation;
  const changed = (column: string) => op === "PUT" || Object.hasOwn(opData ?? {}, column);
  const value = (column: string) => String(opData?.[column] ?? "");
  const inputs = new Map<string, HTMLInputElement | HTMLSelectElement>();
  const textColumn = textColumns[table];
  const isText = !aboutAccess.has(failure.code) || table === "todos";
  if (textColumn !== undefined && op !== "DELETE" && changed(textColumn) && isText) {
    const input = make("input", { type: "text", required: true, maxLength: 200 });
    input.value = value(textColumn);
    inputs.set(textColumn, input);
  }
  const select = make("select", { required: true });
  if (op !== "DELETE" && table === "todos" && changed("list_id")) inputs.set("list_id", select);
  // Another text does not change to whose list a todo belongs.
  if (aboutAccess.has(failure.code) && !inputs.has("list_id")) return unchanged(operation);

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

/** Creates the input for the user with whom a list is shared. It changes the mutation's arguments, and the row on this device. */
function mutationFields({ crud, failure }: RejectedWrite): readonly Fields[] {
  if (aboutAccess.has(failure.code) || failure.code === "UNKNOWN_MUTATOR")
    return crud.map(unchanged);
  const input = make("input", { type: "text", required: true, maxLength: 32 });
  return crud.map((operation) => {
    const { opData } = operation;
    if (!isMutation(operation)) {
      const edited = () => ({ ...operation, opData: { ...opData, user_id: input.value.trim() } });
      return { ...unchanged(operation), edited };
    }
    const args = JSON.parse(String(opData?.["args"])) as Readonly<Record<string, unknown>>;
    input.value = String(args["with"] ?? "");
    const text = () => JSON.stringify({ ...args, with: input.value.trim() });
    return {
      ...unchanged(operation),
      elements: [make("label", {}, "Share with", input)],
      edited: () => ({ ...operation, opData: { ...opData, args: text() } }),
    };
  });
}

const textColumns: Readonly<Record<string, string>> = {
  lists: "name",
  todos: "description",
  list_notes: "note",
};

const labels: Readonly<Record<string, string>> = {
  name: "Name",
  description: "Description",
  list_id: "List",
  note: "Note",
  people: "People",
};

/** The mutations that app and server share: their names, and the schemas of their arguments. */
import { z } from "zod";

export const definitions = {
  "todo.create": z.object({ id: z.uuid(), list: z.uuid(), text: z.string().min(1) }),
  "todo.complete": z.object({ id: z.uuid(), list: z.uuid() }),
  "list.share": z.object({ id: z.uuid(), list: z.uuid(), with: z.string().min(1) }),
  /** Moves a todo to the place before another todo of its list. If that is `null` or no longer exists, moves it to the end. */
  "todo.reorder": z.object({ id: z.uuid(), list: z.uuid(), before: z.uuid().nullable() }),
};

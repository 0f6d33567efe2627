/** The mutations that app and server share: their names, and schemas of their arguments. */
import { z } from "zod";

export const definitions = {
  "todo.create": z.object({ id: z.uuid(), list: z.uuid(), text: z.string().min(1) }),
  "todo.complete": z.object({ id: z.uuid(), list: z.uuid() }),
  "list.share": z.object({ id: z.uuid(), list: z.uuid(), with: z.string().min(1) }),
  /** Puts a todo right before another one of its list; `null`, or one that is gone: at the end. */
  "todo.reorder": z.object({ id: z.uuid(), list: z.uuid(), before: z.uuid().nullable() }),
};

/** The mutations that page and server share: their names, and the schemas of their arguments. */
import { z } from "zod";

export const definitions = {
  /** Lets another user see a list. `id` is the id of the new row in `list_members`, which the device shows at once. */
  "list.share": z.object({
    id: z.uuid(),
    list: z.uuid(),
    with: z.string().trim().min(1, "Enter the user's name.").max(32),
  }),
};

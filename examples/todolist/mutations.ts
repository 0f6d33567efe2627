/** The mutations that page and server share: their names, and schemas of their arguments. */
import { z } from "zod";

export const definitions = {
  /** Lets another user see a list. `id` is the new member row's, which the device shows at once. */
  "list.share": z.object({
    id: z.uuid(),
    list: z.uuid(),
    with: z.string().trim().min(1, "Say with whom.").max(32),
  }),
};

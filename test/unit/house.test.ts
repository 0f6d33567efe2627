/** The bounds that the code base keeps as a whole: see `npm run figures`. */
import { expect, it } from "vitest";
import { entriesOf } from "../support/house/bytes.js";
import { structureOf } from "../support/house/structure.js";
import { readHouse } from "../support/house/tree.js";
import { walk } from "../support/house/walk.js";

it("has at most 22 entries at the top, no circles, and no file above 300 lines", () => {
  const { topFiles, topFolders, circles, long } = structureOf(
    readHouse(),
    Object.values(entriesOf()),
  );
  expect(topFiles.length + topFolders.length).toBeLessThanOrEqual(22);
  expect({ circles, long }).toEqual({ circles: [], long: [] });
});

it.each([
  { way: "step by step", guarded: false, most: 80 },
  { way: "sent as a whole", guarded: true, most: 86 },
])("moves at most $most times between files for one PUT, $way", async ({ guarded, most }) => {
  const { moves, path } = await walk({ guarded });
  expect(moves, path.join("\n")).toBeLessThanOrEqual(most);
});

/** Makes the library's own collections and their indexes. */
import { ownIndexes, ownNames, type Own } from "./own.js";
import type { MongoStore } from "./store.js";

/**
 * Makes the library's own collections and their indexes, where they are not there yet. Many processes may do so at once.
 *
 * @throws what the driver throws, where the user may not create collections
 * @example
 * await createCollections(mongodb(client, { database: "app" }));
 */
export async function createCollections({ db }: Pick<MongoStore, "db">): Promise<void> {
  const there = await db.listCollections({}, { nameOnly: true }).toArray();
  const names = new Set(there.map(({ name }) => name));
  for (const [each, name] of Object.entries(ownNames) as [keyof Own, string][]) {
    if (!names.has(name)) await create(db, name);
    const indexes = ownIndexes[each];
    // The server leaves alone what is there already.
    if (indexes.length > 0) await db.collection(name).createIndexes([...indexes]);
  }
}

const namespaceExists = 48;

async function create(db: MongoStore["db"], name: string): Promise<void> {
  try {
    await db.createCollection(name);
  } catch (error) {
    // Another process was quicker.
    if ((error as { readonly code?: unknown }).code !== namespaceExists) throw error;
  }
}

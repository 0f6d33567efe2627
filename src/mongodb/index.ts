/** `powersync-writes/mongodb`: a MongoDB database as the configuration's `database`. */
export { createCollections } from "./own-collections.js";
export type { IdKind } from "./columns.js";
export type { MongoScope } from "./scope.js";
export { mongodb } from "./store.js";
export type { MongoDatabase, MongoOptions, MongoStore } from "./store.js";
export type { MongoTransaction } from "./transaction.js";

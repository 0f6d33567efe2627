/**
 * The pages of MongoDB's manual that define the words of the commands. What has been read is the manual's source, which is not always that of its latest
 * version, and without most of what a page includes from other files (of `$pull` the page itself). A page that is added here is not `read` until somebody
 * has compared the commands with it.
 */

const root = "https://www.mongodb.com/docs/manual/";

export interface Page {
  readonly title: string;
  readonly url: string;
  /** Its definition, syntax and behavior have been read against the commands here. */
  readonly read: boolean;
  /** See `wordsOf`. */
  readonly words: readonly string[];
}

function page(read: boolean, title: string, path: string, ...words: readonly string[]): Page {
  return { title, url: `${root}${path}/`, read, words };
}

/** A command, with its fields; of its lists' members by `list.field`. */
function command(read: boolean, name: string, ...fields: readonly string[]): Page {
  return page(
    read,
    name,
    `reference/command/${name}`,
    name,
    ...fields.map((field) => `${name}.${field}`),
  );
}

function query(read: boolean, name: string): Page {
  return page(read, `$${name}, in a query`, `reference/operator/query/${name}`, `query $${name}`);
}

function update(read: boolean, name: string): Page {
  return page(
    read,
    `$${name}, in an update`,
    `reference/operator/update/${name}`,
    `update $${name}`,
  );
}

function expression(read: boolean, name: string, ...more: readonly string[]): Page {
  const path = `reference/operator/aggregation/${name}`;
  return page(read, `$${name}, in an expression`, path, `expression $${name}`, ...more);
}

function stage(read: boolean, name: string): Page {
  return page(
    read,
    `$${name}, a stage`,
    `reference/operator/aggregation/${name}`,
    `stage $${name}`,
  );
}

export const pages: readonly Page[] = [
  command(true, "find", "filter", "sort", "projection", "limit", "batchSize", "singleBatch"),
  command(true, "getMore", "collection"),
  command(true, "aggregate", "pipeline", "cursor"),
  command(true, "insert", "documents", "ordered"),
  command(
    true,
    "update",
    "updates",
    "ordered",
    ...["q", "u", "upsert", "multi"].map((field) => `updates.${field}`),
  ),
  page(true, "update", "reference/command/update", "update by replacement"),
  command(true, "delete", "deletes", "ordered", "deletes.q", "deletes.limit"),
  command(true, "findAndModify", "query", "update", "new", "remove", "upsert"),
  command(true, "create", "validator"),
  command(
    true,
    "createIndexes",
    "indexes",
    ...["key", "name", "unique", "partialFilterExpression"].map((field) => `indexes.${field}`),
  ),
  command(true, "listCollections", "filter", "nameOnly", "authorizedCollections"),
  {
    // The driver sends it, and the manual does not name it.
    title: "Enumerating Collections, a specification of the drivers",
    url: "https://github.com/mongodb/specifications/blob/master/source/enumerate-collections/enumerate-collections.md",
    read: true,
    words: ["listCollections.cursor"],
  },
  command(true, "listIndexes", "cursor"),
  command(true, "commitTransaction"),
  command(true, "abortTransaction"),
  command(true, "hello"),
  query(true, "eq"),
  query(true, "ne"),
  query(true, "in"),
  query(true, "gt"),
  query(true, "gte"),
  query(true, "lt"),
  query(true, "lte"),
  query(true, "and"),
  query(true, "or"),
  query(true, "nor"),
  query(true, "not"),
  query(true, "type"),
  query(true, "jsonSchema"),
  update(true, "set"),
  update(true, "unset"),
  update(true, "inc"),
  update(true, "setOnInsert"),
  update(true, "pull"),
  update(true, "addToSet"),
  update(true, "each"),
  stage(true, "match"),
  stage(true, "project"),
  stage(true, "group"),
  stage(true, "set"),
  page(true, "$sum", "reference/operator/aggregation/sum", "accumulator $sum"),
  page(true, "Field paths", "core/field-paths", "expression $field"),
  expression(true, "literal"),
  expression(true, "ifNull"),
  expression(true, "cond"),
  expression(true, "add"),
  expression(true, "subtract"),
  expression(true, "gt"),
  expression(true, "lt"),
  expression(true, "max"),
  expression(true, "min"),
  expression(true, "in"),
  expression(true, "and"),
  expression(true, "or"),
  expression(true, "not"),
  expression(true, "concatArrays"),
  expression(true, "reduce", "variable $$value", "variable $$this"),
  page(true, "Variables in aggregation", "reference/aggregation-variables", "variable $$REMOVE"),
];

const byWord = new Map(pages.flatMap((each) => each.words.map((word) => [word, each] as const)));

/** @throws Error for a word that no page is about */
export function pagesOf(words: ReadonlySet<string>): readonly Page[] {
  const found = new Map<string, Page>();
  for (const word of words) {
    const known = byWord.get(word);
    if (known === undefined) throw new Error(`No page is about ${word}.`);
    const same = found.get(known.title);
    found.set(known.title, same?.read === false ? same : known);
  }
  return [...found.values()];
}

/** Other names for known tables, in any statement that Kysely builds. */
import {
  type IdentifierNode,
  type KyselyPlugin,
  OperationNodeTransformer,
  type SchemableIdentifierNode,
} from "kysely";

/** @param names by the name that the statements are written with */
export function renaming(names: ReadonlyMap<string, string>): KyselyPlugin {
  const renamer = new Renamer(names);
  return {
    transformQuery: ({ node, queryId }) => renamer.transformNode(node, queryId),
    transformResult: async ({ result }) => result,
  };
}

class Renamer extends OperationNodeTransformer {
  readonly #names: ReadonlyMap<string, string>;

  constructor(names: ReadonlyMap<string, string>) {
    super();
    this.#names = names;
  }

  /** Tables alone are written with it: a column is a plain identifier. */
  override transformSchemableIdentifier(
    ...args: Parameters<OperationNodeTransformer["transformSchemableIdentifier"]>
  ): SchemableIdentifierNode {
    const node = super.transformSchemableIdentifier(...args);
    const name = this.#names.get(node.identifier.name);
    if (name === undefined) return node;
    const identifier: IdentifierNode = { ...node.identifier, name };
    return { ...node, identifier };
  }
}

/** A rule's scope, bound to a caller and made fit to stand in any statement on its table. */
import {
  type Expression,
  expressionBuilder,
  type OperationNode,
  OperationNodeTransformer,
  type ReferenceNode,
  type SelectQueryNode,
  type SqlBool,
  sql,
  TableNode,
} from "kysely";
import type { OperationContext, Principal } from "../layer.js";
import type { Rule } from "../rules.js";

export interface BoundScope {
  readonly filter: Expression<SqlBool>;
  /** It reads nothing but the row itself, so a statement can judge the row that it has just written. */
  readonly rowOnly: boolean;
}

export function bindScope<P extends Principal, DB>(
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
): BoundScope | undefined {
  if (rule.scope === undefined) return undefined;
  const given = rule.scope(expressionBuilder<DB, keyof DB>(), context).toOperationNode();
  const qualifier = new Qualifier(rule.table);
  const node = qualifier.transformNode(given);
  return { filter: sql<SqlBool>`${asExpression(node)}`, rowOnly: qualifier.rowOnly };
}

function asExpression(node: OperationNode): Expression<SqlBool> {
  return { toOperationNode: () => node, expressionType: undefined };
}

/**
 * Puts the table's name before bare column names: behind ON CONFLICT they would be ambiguous with the row that was proposed.
 * Those inside a subquery are left alone; there they mean the subquery's own tables.
 */
class Qualifier extends OperationNodeTransformer {
  readonly #table: TableNode;
  #depth = 0;
  rowOnly = true;

  constructor(table: string) {
    super();
    const [first = table, second] = table.split(".");
    this.#table =
      second === undefined ? TableNode.create(first) : TableNode.createWithSchema(first, second);
  }

  override transformReference(
    ...args: Parameters<OperationNodeTransformer["transformReference"]>
  ): ReferenceNode {
    const reference = super.transformReference(...args);
    return this.#depth > 0 || reference.table !== undefined
      ? reference
      : { ...reference, table: this.#table };
  }

  override transformSelectQuery(
    ...args: Parameters<OperationNodeTransformer["transformSelectQuery"]>
  ): SelectQueryNode {
    this.rowOnly = false;
    this.#depth += 1;
    try {
      return super.transformSelectQuery(...args);
    } finally {
      this.#depth -= 1;
    }
  }

  override transformFunction(...args: Parameters<OperationNodeTransformer["transformFunction"]>) {
    // The database's own functions may read tables, this one among them.
    this.rowOnly = false;
    return super.transformFunction(...args);
  }

  override transformRaw(...args: Parameters<OperationNodeTransformer["transformRaw"]>) {
    // Raw SQL may hold a subquery.
    this.rowOnly = false;
    return super.transformRaw(...args);
  }
}

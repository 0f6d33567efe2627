/** Qualifies column names in the application's expressions, and finds out what the expressions read. */
import {
  type OperationNode,
  OperationNodeTransformer,
  OperatorNode,
  type ReferenceNode,
  type SelectQueryNode,
  TableNode,
  ValueNode,
} from "kysely";
import { misconfigured } from "../../errors.js";

/**
 * Qualifies bare column names with the table, because after ON CONFLICT they would be ambiguous with the proposed row. Names inside a subquery are left
 * alone, because they mean the subquery's own tables.
 */
export class Qualifier extends OperationNodeTransformer {
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

  /** Refuses Kysely's AND without operands. */
  override transformBinaryOperation(
    ...args: Parameters<OperationNodeTransformer["transformBinaryOperation"]>
  ) {
    const [{ leftOperand, operator, rightOperand }] = args;
    if (isOne(leftOperand) && isOne(rightOperand) && isEquals(operator)) {
      const { identifier } = this.#table.table;
      throw misconfigured(
        `The scope of ${identifier.name} holds a filter that lets every row through: \`eb.and([])\` is one, and so is \`eb.and({ … })\` whose values are all undefined. Return an expression that filters; or true, for no restriction.`,
      );
    }
    return super.transformBinaryOperation(...args);
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
    // A function in the database may read tables, including this one.
    this.rowOnly = false;
    return super.transformFunction(...args);
  }

  override transformRaw(...args: Parameters<OperationNodeTransformer["transformRaw"]>) {
    // Raw SQL may contain a subquery.
    this.rowOnly = false;
    return super.transformRaw(...args);
  }
}

function isOne(node: OperationNode): boolean {
  return ValueNode.is(node) && node.immediate === true && node.value === 1;
}

function isEquals(node: OperationNode): boolean {
  return OperatorNode.is(node) && node.operator === "=";
}

/** Whether two names may mean the same. Databases treat case differently, and plugins may write `aB` as `a_b`. A mistake here only costs a look-up. */
export function sameName(one: string, other: string): boolean {
  const [a, b] = [one, other].map((table) =>
    table
      .slice(table.lastIndexOf(".") + 1)
      .replaceAll("_", "")
      .toLowerCase(),
  );
  return a === b;
}
